import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Puts usage events onto Kafka the way Heartline wants them: keyed by account, acknowledged, safe to repeat.
 *
 * <pre>KAFKA_BOOTSTRAP_SERVERS=localhost:9092 java -cp 'kafka-clients.jar:...' Produce.java product-usage &lt; events.jsonl</pre>
 */
public final class Produce {
    // Your own code has the account at hand; only this example has to find it in a line of JSON.
    private static final Pattern ACCOUNT = Pattern.compile("\"account_id\"\\s*:\\s*\"([^\"\\\\]+)\"");

    public static void main(String[] arguments) throws Exception {
        String topic = arguments[0];
        Properties config = new Properties();
        config.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, System.getenv("KAFKA_BOOTSTRAP_SERVERS"));
        config.put(ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, StringSerializer.class.getName());
        config.put(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, StringSerializer.class.getName());
        // acks=all and idempotence are the defaults, and so is the partitioner: the key alone decides.
        config.put(ProducerConfig.LINGER_MS_CONFIG, "20");
        config.put(ProducerConfig.COMPRESSION_TYPE_CONFIG, "gzip");
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        try (Producer<String, String> producer = new KafkaProducer<>(config);
                BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                Matcher account = ACCOUNT.matcher(line);
                if (!account.find()) {
                    throw new IllegalArgumentException("no account_id in: " + line);
                }
                sent.add(producer.send(new ProducerRecord<>(topic, account.group(1), line)));
            }
            producer.flush();
            for (Future<RecordMetadata> record : sent) {
                record.get(); // throws what went wrong with this record
            }
        }
        System.out.println(sent.size() + " events on " + topic);
    }
}
