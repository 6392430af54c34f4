import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamUtils;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * Apache Flink: keyed state per account in a local cluster within this process, parallelism 1, an exactly-once
 * checkpoint to a local folder every few seconds. BACKEND chooses between hashmap (objects on the heap) and rocksdb.
 * SHUFFLE=none leaves out the exchange between source and fold, which a topic keyed by account with one task can do
 * without; Flink calls that experimental.
 */
public final class FlinkPeer {
    /** Kind, account and value of a record; decoded where it is folded, so that little crosses from source to fold. */
    private static final TypeInformation<Tuple3<Byte, String, byte[]>> RECORD =
            Types.TUPLE(Types.BYTE, Types.STRING, Types.PRIMITIVE_ARRAY(Types.BYTE));

    private FlinkPeer() {}

    /** A record of any of the topics as what `RECORD` says. */
    static final class Reader implements KafkaRecordDeserializationSchema<Tuple3<Byte, String, byte[]>> {
        private final List<String> topics;

        Reader(List<String> topics) {
            this.topics = topics;
        }

        @Override
        public void deserialize(
                ConsumerRecord<byte[], byte[]> record, Collector<Tuple3<Byte, String, byte[]>> out) {
            String account = new String(record.key(), StandardCharsets.UTF_8);
            out.collect(Tuple3.of((byte) topics.indexOf(record.topic()), account, record.value()));
        }

        @Override
        public TypeInformation<Tuple3<Byte, String, byte[]>> getProducedType() {
            return RECORD;
        }
    }

    /** One event into its account's state. */
    static final class Fold extends KeyedProcessFunction<String, Tuple3<Byte, String, byte[]>, Void> {
        private transient ValueState<Account> state;

        @Override
        public void open(OpenContext context) {
            state = getRuntimeContext().getState(new ValueStateDescriptor<>("state", new AccountSerializer()));
        }

        @Override
        public void processElement(Tuple3<Byte, String, byte[]> record, Context context, Collector<Void> out)
                throws IOException {
            Meter.begin();
            Account account = state.value();
            state.update((account == null ? new Account() : account).fold(Event.read(record.f0, record.f2)));
            Meter.folded();
        }
    }

    private static Configuration settings(Map<String, String> environ) throws IOException {
        return Configuration.fromMap(Map.of(
                "state.backend.type", environ.get("BACKEND"),
                "execution.checkpointing.incremental", "true",
                "execution.checkpointing.interval", environ.get("COMMIT_SECONDS") + " s",
                "execution.checkpointing.mode", "EXACTLY_ONCE",
                "execution.checkpointing.dir", Files.createTempDirectory("peer-flink-").toUri().toString(),
                "pipeline.object-reuse", "true"));
    }

    public static void main(String[] arguments) throws Exception {
        Map<String, String> environ = System.getenv();
        List<String> topics = List.of(environ.get("TOPICS").split(","));
        var flink = StreamExecutionEnvironment.createLocalEnvironment(1, settings(environ));
        KafkaSource<Tuple3<Byte, String, byte[]>> source = KafkaSource.<Tuple3<Byte, String, byte[]>>builder()
                .setBootstrapServers(environ.get("BOOTSTRAP"))
                .setGroupId(environ.get("GROUP"))
                .setTopics(topics)
                .setStartingOffsets(OffsetsInitializer.earliest())
                .setBounded(OffsetsInitializer.latest())
                .setDeserializer(new Reader(topics))
                .build();
        DataStream<Tuple3<Byte, String, byte[]>> records =
                flink.fromSource(source, WatermarkStrategy.noWatermarks(), "events");
        KeyedStream<Tuple3<Byte, String, byte[]>, String> keyed = "none".equals(environ.get("SHUFFLE"))
                ? DataStreamUtils.reinterpretAsKeyedStream(records, record -> record.f1, Types.STRING)
                : records.keyBy(record -> record.f1, Types.STRING);
        keyed.process(new Fold()).returns(Types.VOID).sinkTo(new DiscardingSink<>());
        flink.execute("peer");
    }
}
