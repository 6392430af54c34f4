import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.CRC32C;

/**
 * The state of one account, and how an event folds into it: Heartline's own fold line by line where it matters for the
 * cost. Remembered event ids, users and features with a bitmap of days, who used which feature when, events and users
 * of each day, the transitions of each ticket, the answers. `AccountBytes` writes and reads it.
 */
final class Account {
    static final int SEEN_MAX = 512;
    static final int FORGOTTEN_TOGETHER = 12;
    static final int TRANSITIONS_MAX = 32;
    static final List<String> STATUSES =
            List.of("opened", "updated", "escalated", "deescalated", "reopened", "solved", "closed");
    static final List<String> PRIORITIES = List.of("low", "normal", "high", "urgent");
    static final List<String> SURVEYS = List.of("nps", "csat", "ces");

    /** A user: a short number, the newest day, the days before it as bits, the first day. */
    static final class User {
        int ordinal;
        int lastDay;
        long bits;
        int firstDay;

        User(int ordinal, int lastDay, long bits, int firstDay) {
            this.ordinal = ordinal;
            this.lastDay = lastDay;
            this.bits = bits;
            this.firstDay = firstDay;
        }
    }

    /** The use of one feature: its days, and each user's newest day by the user's ordinal. */
    static final class Feature {
        int lastDay;
        long bits = 1;
        final Map<Integer, Integer> users = new HashMap<>();
    }

    /** A ticket: what its newest event says, and its transitions in order. */
    static final class Ticket {
        int priority;
        long describedMs = Long.MIN_VALUE;
        final List<Transition> transitions = new ArrayList<>();
    }

    /** A moment and an index into STATUSES. */
    record Transition(long ms, int status) implements Comparable<Transition> {
        @Override
        public int compareTo(Transition other) {
            return ms != other.ms ? Long.compare(ms, other.ms) : Integer.compare(status, other.status);
        }
    }

    /** An answer; `survey` is an index into SURVEYS. */
    record Answer(long ms, int score, int survey, String userId) {}

    long events;
    long repeated;
    long firstMs = Long.MAX_VALUE;
    long newestMs;
    int nextOrdinal;
    final LinkedHashSet<Long> seen = new LinkedHashSet<>();
    final Map<String, User> users = new HashMap<>();
    final Map<String, Feature> features = new HashMap<>();
    final Map<Integer, int[]> days = new HashMap<>(); // events, users
    final Map<String, Ticket> tickets = new HashMap<>();
    final Map<String, Answer> answers = new HashMap<>();

    /** One event of any kind into the state; returns the state. */
    Account fold(Event event) {
        if (event instanceof Event.Usage usage) {
            use(usage);
        } else if (event instanceof Event.Ticket ticket) {
            transit(ticket);
        } else if (event instanceof Event.Answer answer) {
            answer(answer);
        }
        return this;
    }

    /** 40 bits of an id, as Heartline keeps them. */
    static long keyOf(String id) {
        byte[] bytes = id.getBytes(StandardCharsets.UTF_8);
        var castagnoli = new CRC32C();
        castagnoli.update(bytes, 0, bytes.length);
        var ieee = new CRC32();
        ieee.update(bytes, 0, bytes.length);
        return castagnoli.getValue() << 8 | ieee.getValue() & 0xFF;
    }

    private void use(Event.Usage event) {
        if (!seen.add(keyOf(event.eventId()))) {
            repeated++;
            return;
        }
        if (seen.size() > SEEN_MAX) {
            Iterator<Long> oldest = seen.iterator();
            for (int forgotten = 0; forgotten < FORGOTTEN_TOGETHER; forgotten++) {
                oldest.next();
                oldest.remove();
            }
        }
        int day = (int) (event.ms() / 86_400_000L);
        events++;
        firstMs = Math.min(firstMs, event.ms());
        newestMs = Math.max(newestMs, event.ms());
        User user = users.get(event.userId());
        boolean moved = user == null;
        if (user == null) {
            user = new User(nextOrdinal++, day, 1, day);
            users.put(event.userId(), user);
        } else {
            long before = user.bits;
            int beforeDay = user.lastDay;
            user.bits = mark(user.lastDay, user.bits, day);
            user.lastDay = Math.max(user.lastDay, day);
            moved = user.bits != before || user.lastDay != beforeDay;
        }
        int[] counts = days.computeIfAbsent(day, d -> new int[2]);
        counts[0]++;
        if (moved) {
            counts[1]++;
        }
        Feature feature = features.get(event.feature());
        if (feature == null) {
            feature = new Feature();
            feature.lastDay = day;
            features.put(event.feature(), feature);
        } else {
            feature.bits = mark(feature.lastDay, feature.bits, day);
            feature.lastDay = Math.max(feature.lastDay, day);
        }
        feature.users.merge(user.ordinal, day, Math::max);
    }

    /** The bitmap of days, the lowest bit being the newest day, with one more day in it. */
    private static long mark(int lastDay, long bits, int day) {
        int ahead = day - lastDay;
        if (ahead > 0) {
            return ahead < 64 ? bits << ahead | 1 : 1;
        }
        return -ahead < 64 ? bits | 1L << -ahead : bits;
    }

    private void transit(Event.Ticket event) {
        Ticket ticket = tickets.computeIfAbsent(event.ticketId(), id -> new Ticket());
        if (event.ms() >= ticket.describedMs) {
            ticket.describedMs = event.ms();
            ticket.priority = PRIORITIES.indexOf(event.priority());
        }
        var transition = new Transition(event.ms(), STATUSES.indexOf(event.status()));
        int at = Collections.binarySearch(ticket.transitions, transition);
        if (at < 0) {
            ticket.transitions.add(-at - 1, transition);
            if (ticket.transitions.size() > TRANSITIONS_MAX) {
                ticket.transitions.remove(1);
            }
        }
    }

    private void answer(Event.Answer event) {
        Answer known = answers.get(event.responseId());
        if (known == null || event.ms() > known.ms) {
            answers.put(
                    event.responseId(),
                    new Answer(event.ms(), event.score(), SURVEYS.indexOf(event.survey()), event.userId()));
        }
    }
}
