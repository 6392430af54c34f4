import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/** What the Java peers count with, as `meter.py` does: from the first to the last event, start excluded. */
final class Meter {
    private static final long EVENTS = Long.parseLong(System.getenv("EVENTS"));
    private static long folded;
    private static long startedNs;
    private static long cpuBeforeNs;
    private static long cpuHalfwayNs;

    private Meter() {}

    /** An event comes in; the first one starts the clocks. */
    static synchronized void begin() {
        if (startedNs == 0) {
            startedNs = System.nanoTime();
            cpuBeforeNs = cpuNs();
        }
    }

    /** An event is done; the last one prints what all cost as one JSON object and ends the process. */
    static synchronized void folded() {
        folded++;
        if (folded == EVENTS / 2) {
            cpuHalfwayNs = cpuNs();
        }
        if (folded == EVENTS) {
            long cpuNs = cpuNs();
            System.out.printf(
                    "{\"events\": %d, \"seconds\": %.3f, \"cpu_seconds\": %.3f, \"second_half_cpu_seconds\": %.3f,"
                            + " \"peak_rss_mb\": %.1f}%n",
                    folded,
                    (System.nanoTime() - startedNs) / 1e9,
                    (cpuNs - cpuBeforeNs) / 1e9,
                    (cpuNs - cpuHalfwayNs) / 1e9,
                    peakRssMb());
            System.out.flush();
            Runtime.getRuntime().halt(0);
        }
    }

    /** User and system time of the process, with all that collects garbage and compiles. */
    private static long cpuNs() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                .getProcessCpuTime();
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
}
