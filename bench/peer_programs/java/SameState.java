import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

/**
 * Folds events from standard input (a line each: kind, blank, value) and prints what each account's state holds, as
 * `same_job.py` counts it. Each state has been written, read and copied, so that nothing may get lost there.
 */
public final class SameState {
    private SameState() {}

    public static void main(String[] arguments) throws IOException {
        Map<String, Account> accounts = new TreeMap<>();
        try (var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                Event event = Event.read(line.charAt(0) - '0', line.substring(2).getBytes(StandardCharsets.UTF_8));
                accounts.computeIfAbsent(event.accountId(), name -> new Account()).fold(event);
            }
        }
        accounts.forEach((name, account) -> {
            byte[] bytes = AccountBytes.encode(account);
            System.out.println(name + " " + counts(AccountBytes.copy(AccountBytes.decode(bytes))) + " " + bytes.length);
        });
    }

    private static String counts(Account account) {
        long userDays = 0;
        for (Account.User user : account.users.values()) {
            userDays += Long.bitCount(user.bits);
        }
        long featureDays = 0;
        long featureUsers = 0;
        for (Account.Feature feature : account.features.values()) {
            featureDays += Long.bitCount(feature.bits);
            featureUsers += feature.users.size();
        }
        long activeUsers = 0;
        long events = 0;
        for (int[] day : account.days.values()) {
            events += day[0];
            activeUsers += day[1];
        }
        long transitions = 0;
        for (Account.Ticket ticket : account.tickets.values()) {
            transitions += ticket.transitions.size();
        }
        long[] counts = {
            account.events, account.repeated, account.firstMs, account.newestMs, account.seen.size(),
            account.users.size(), userDays, account.features.size(), featureDays, featureUsers,
            events, activeUsers, account.tickets.size(), transitions, account.answers.size()
        };
        var text = new StringBuilder();
        for (long count : counts) {
            text.append(text.isEmpty() ? "" : " ").append(count);
        }
        return text.toString();
    }
}
