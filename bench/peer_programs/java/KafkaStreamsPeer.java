import java.io.IOException;
import java.nio.file.Files;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Kafka Streams: an aggregate per account in its default store (RocksDB with a changelog), committed every few seconds.
 * GUARANTEE chooses between exactly_once_v2 and at_least_once.
 */
public final class KafkaStreamsPeer {
    private KafkaStreamsPeer() {}

    /** Its settings, which are the defaults but for the pace of commits and one thread. */
    private static Properties settings(Map<String, String> environ) throws IOException {
        String guarantee = environ.get("GUARANTEE");
        var settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, environ.get("GROUP"));
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, environ.get("BOOTSTRAP"));
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, guarantee);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 1000 * Integer.parseInt(environ.get("COMMIT_SECONDS")));
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put(
                StreamsConfig.STATE_DIR_CONFIG,
                Files.createTempDirectory("peer-streams-").toString());
        settings.put("auto.offset.reset", "earliest");
        return settings;
    }

    public static void main(String[] arguments) throws IOException {
        Map<String, String> environ = System.getenv();
        String[] topics = environ.get("TOPICS").split(",");
        var builder = new StreamsBuilder();
        KStream<String, Event> events = null;
        for (int kind = 0; kind < topics.length; kind++) {
            int number = kind;
            KStream<String, Event> more = builder.stream(
                            topics[kind], Consumed.with(Serdes.String(), Serdes.ByteArray()))
                    .mapValues(value -> {
                        Meter.begin();
                        return Event.read(number, value);
                    });
            events = events == null ? more : events.merge(more);
        }
        Serde<Account> accounts = Serdes.serdeFrom(
                (name, account) -> account == null ? null : AccountBytes.encode(account),
                (name, value) -> value == null ? null : AccountBytes.decode(value));
        events.groupByKey(Grouped.keySerde(Serdes.String()))
                .aggregate(
                        Account::new,
                        (key, event, account) -> {
                            account.fold(event);
                            Meter.folded();
                            return account;
                        },
                        Materialized.<String, Account, KeyValueStore<Bytes, byte[]>>as("state")
                                .withKeySerde(Serdes.String())
                                .withValueSerde(accounts));
        new KafkaStreams(builder.build(), settings(environ)).start();
    }
}
