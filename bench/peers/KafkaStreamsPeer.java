import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Kafka Streams: the same job as the other peers, an aggregate per account in its default store (RocksDB with a
 * changelog), committed every second. GUARANTEE chooses between exactly_once_v2 and at_least_once.
 *
 * <p>The fold is Heartline's `fold_usage` line by line where it matters for the cost: remembered event ids, users and
 * features with a bitmap of days, who used which feature when, events and users of each day.
 */
public final class KafkaStreamsPeer {
    static final int SEEN_MAX = 64;
    static final AtomicLong folded = new AtomicLong();
    static long startedNs;
    static long cpuBeforeNs;

    /** One usage event. */
    record Usage(String eventId, String accountId, String userId, String feature, long ms) {}

    /** The use of one feature: its days, and each user's newest day. */
    static final class Feature {
        int lastDay;
        long bits = 1;
        final Map<Integer, Integer> users = new HashMap<>();
    }

    /** The state of one account. */
    static final class Account {
        long events;
        long repeated;
        long firstMs = Long.MAX_VALUE;
        long newestMs;
        int nextOrdinal;
        final LinkedHashSet<String> seen = new LinkedHashSet<>();
        final Map<String, long[]> users = new HashMap<>(); // ordinal, last day, bits, first day
        final Map<String, Feature> features = new HashMap<>();
        final Map<Integer, int[]> days = new HashMap<>(); // events, users

        Account fold(Usage event) {
            if (!seen.add(event.eventId)) {
                repeated++;
                return this;
            }
            if (seen.size() > SEEN_MAX) {
                Iterator<String> oldest = seen.iterator();
                oldest.next();
                oldest.remove();
            }
            int day = (int) (event.ms / 86_400_000L);
            events++;
            firstMs = Math.min(firstMs, event.ms);
            newestMs = Math.max(newestMs, event.ms);
            boolean moved = false;
            long[] user = users.get(event.userId);
            if (user == null) {
                user = new long[] {nextOrdinal++, day, 1, day};
                users.put(event.userId, user);
                moved = true;
            } else {
                long before = user[2];
                mark(user, 1, day);
                moved = user[2] != before;
            }
            int[] counts = days.computeIfAbsent(day, d -> new int[2]);
            counts[0]++;
            if (moved) {
                counts[1]++;
            }
            Feature feature = features.get(event.feature);
            if (feature == null) {
                feature = new Feature();
                feature.lastDay = day;
                features.put(event.feature, feature);
            } else if (day > feature.lastDay) {
                int ahead = day - feature.lastDay;
                feature.bits = ahead < 64 ? feature.bits << ahead | 1 : 1;
                feature.lastDay = day;
            } else if (feature.lastDay - day < 64) {
                feature.bits |= 1L << (feature.lastDay - day);
            }
            feature.users.merge((int) user[0], day, Math::max);
            return this;
        }

        private static void mark(long[] user, int at, int day) {
            long ahead = day - user[at];
            if (ahead > 0) {
                user[at + 1] = ahead < 64 ? user[at + 1] << ahead | 1 : 1;
                user[at] = day;
            } else if (-ahead < 64) {
                user[at + 1] |= 1L << -ahead;
            }
        }
    }

    /** The state as bytes, as compact as is simple. */
    static byte[] encode(Account account) {
        var bytes = new ByteArrayOutputStream(4096);
        try (var out = new DataOutputStream(bytes)) {
            out.writeLong(account.events);
            out.writeLong(account.repeated);
            out.writeLong(account.firstMs);
            out.writeLong(account.newestMs);
            out.writeInt(account.nextOrdinal);
            out.writeInt(account.seen.size());
            for (String id : account.seen) {
                out.writeUTF(id);
            }
            out.writeInt(account.users.size());
            for (var user : account.users.entrySet()) {
                out.writeUTF(user.getKey());
                for (long value : user.getValue()) {
                    out.writeLong(value);
                }
            }
            out.writeInt(account.features.size());
            for (var entry : account.features.entrySet()) {
                Feature feature = entry.getValue();
                out.writeUTF(entry.getKey());
                out.writeInt(feature.lastDay);
                out.writeLong(feature.bits);
                out.writeInt(feature.users.size());
                for (var user : feature.users.entrySet()) {
                    out.writeInt(user.getKey());
                    out.writeInt(user.getValue());
                }
            }
            out.writeInt(account.days.size());
            for (var day : account.days.entrySet()) {
                out.writeInt(day.getKey());
                out.writeInt(day.getValue()[0]);
                out.writeInt(day.getValue()[1]);
            }
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return bytes.toByteArray();
    }

    static Account decode(byte[] value) {
        var account = new Account();
        try (var in = new DataInputStream(new ByteArrayInputStream(value))) {
            account.events = in.readLong();
            account.repeated = in.readLong();
            account.firstMs = in.readLong();
            account.newestMs = in.readLong();
            account.nextOrdinal = in.readInt();
            for (int left = in.readInt(); left > 0; left--) {
                account.seen.add(in.readUTF());
            }
            for (int left = in.readInt(); left > 0; left--) {
                account.users.put(
                        in.readUTF(), new long[] {in.readLong(), in.readLong(), in.readLong(), in.readLong()});
            }
            for (int left = in.readInt(); left > 0; left--) {
                var feature = new Feature();
                account.features.put(in.readUTF(), feature);
                feature.lastDay = in.readInt();
                feature.bits = in.readLong();
                for (int users = in.readInt(); users > 0; users--) {
                    feature.users.put(in.readInt(), in.readInt());
                }
            }
            for (int left = in.readInt(); left > 0; left--) {
                account.days.put(in.readInt(), new int[] {in.readInt(), in.readInt()});
            }
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return account;
    }

    private static final JsonFactory JSON = new JsonFactory();

    static Usage read(byte[] value) {
        String eventId = null;
        String accountId = null;
        String userId = null;
        String feature = null;
        long ms = 0;
        try (JsonParser parser = JSON.createParser(value)) {
            parser.nextToken();
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String name = parser.currentName();
                parser.nextToken();
                switch (name) {
                    case "event_id" -> eventId = parser.getText();
                    case "account_id" -> accountId = parser.getText();
                    case "user_id" -> userId = parser.getText();
                    case "feature" -> feature = parser.getText();
                    case "timestamp" -> ms = Instant.parse(parser.getText()).toEpochMilli();
                    default -> parser.skipChildren();
                }
            }
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return new Usage(eventId, accountId, userId, feature, ms);
    }

    private static long cpuNs() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                .getProcessCpuTime();
    }

    /** The first event starts the clocks; the last one prints what all cost and ends the process. */
    private static void count(long events) {
        long count = folded.incrementAndGet();
        if (count == events) {
            double seconds = (System.nanoTime() - startedNs) / 1e9;
            double cpuSeconds = (cpuNs() - cpuBeforeNs) / 1e9;
            System.out.printf(
                    "{\"events\": %d, \"seconds\": %.3f, \"cpu_seconds\": %.3f, \"peak_rss_mb\": %.1f}%n",
                    count, seconds, cpuSeconds, peakRssMb());
            System.out.flush();
            Runtime.getRuntime().halt(0);
        }
    }

    private static double peakRssMb() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
                if (line.startsWith("VmHWM:")) {
                    return Long.parseLong(line.split("\\s+")[1]) / 1024.0;
                }
            }
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return 0;
    }

    public static void main(String[] arguments) throws IOException {
        Map<String, String> environ = System.getenv();
        String topic = environ.get("TOPIC");
        String guarantee = environ.get("GUARANTEE");
        long events = Long.parseLong(environ.get("EVENTS"));
        var settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, topic + "-streams-" + guarantee);
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, environ.get("BOOTSTRAP"));
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, guarantee);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 1000);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put(
                StreamsConfig.STATE_DIR_CONFIG,
                Files.createTempDirectory("peer-streams-").toString());
        settings.put("auto.offset.reset", "earliest");
        Serde<Account> accounts =
                Serdes.serdeFrom((name, account) -> account == null ? null : encode(account), (name, value) ->
                        value == null ? null : decode(value));
        var builder = new StreamsBuilder();
        builder.stream(topic, Consumed.with(Serdes.String(), Serdes.ByteArray()))
                .groupByKey(Grouped.with(Serdes.String(), Serdes.ByteArray()))
                .aggregate(
                        Account::new,
                        (key, value, account) -> {
                            if (startedNs == 0) {
                                startedNs = System.nanoTime();
                                cpuBeforeNs = cpuNs();
                            }
                            Account after = account.fold(read(value));
                            count(events);
                            return after;
                        },
                        Materialized.<String, Account, KeyValueStore<Bytes, byte[]>>as("state")
                                .withKeySerde(Serdes.String())
                                .withValueSerde(accounts));
        new KafkaStreams(builder.build(), settings).start();
    }
}
