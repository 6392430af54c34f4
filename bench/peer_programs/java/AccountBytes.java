import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInput;
import java.io.DataInputStream;
import java.io.DataOutput;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;

/** An account's state as bytes, as compact as is simple, and back; and a copy of it. */
final class AccountBytes {
    private AccountBytes() {}

    static byte[] encode(Account account) {
        var bytes = new ByteArrayOutputStream(4096);
        try (var out = new DataOutputStream(bytes)) {
            write(account, out);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return bytes.toByteArray();
    }

    static Account decode(byte[] value) {
        try (var in = new DataInputStream(new ByteArrayInputStream(value))) {
            return read(in);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    static void write(Account account, DataOutput out) throws IOException {
        out.writeLong(account.events);
        out.writeLong(account.repeated);
        out.writeLong(account.firstMs);
        out.writeLong(account.newestMs);
        out.writeInt(account.nextOrdinal);
        out.writeInt(account.seen.size());
        for (long key : account.seen) {
            out.writeByte((int) (key >> 32));
            out.writeInt((int) key);
        }
        out.writeInt(account.users.size());
        for (var entry : account.users.entrySet()) {
            Account.User user = entry.getValue();
            out.writeUTF(entry.getKey());
            out.writeInt(user.ordinal);
            out.writeInt(user.lastDay);
            out.writeLong(user.bits);
            out.writeInt(user.firstDay);
        }
        out.writeInt(account.features.size());
        for (var entry : account.features.entrySet()) {
            Account.Feature feature = entry.getValue();
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
        writeOthers(account, out);
    }

    private static void writeOthers(Account account, DataOutput out) throws IOException {
        out.writeInt(account.tickets.size());
        for (var entry : account.tickets.entrySet()) {
            Account.Ticket ticket = entry.getValue();
            out.writeUTF(entry.getKey());
            out.writeByte(ticket.priority);
            out.writeLong(ticket.describedMs);
            out.writeByte(ticket.transitions.size());
            for (Account.Transition transition : ticket.transitions) {
                out.writeLong(transition.ms());
                out.writeByte(transition.status());
            }
        }
        out.writeInt(account.answers.size());
        for (var entry : account.answers.entrySet()) {
            Account.Answer answer = entry.getValue();
            out.writeUTF(entry.getKey());
            out.writeLong(answer.ms());
            out.writeByte(answer.score());
            out.writeByte(answer.survey());
            out.writeUTF(answer.userId());
        }
    }

    static Account read(DataInput in) throws IOException {
        var account = new Account();
        account.events = in.readLong();
        account.repeated = in.readLong();
        account.firstMs = in.readLong();
        account.newestMs = in.readLong();
        account.nextOrdinal = in.readInt();
        for (int left = in.readInt(); left > 0; left--) {
            account.seen.add((long) in.readUnsignedByte() << 32 | in.readInt() & 0xFFFFFFFFL);
        }
        for (int left = in.readInt(); left > 0; left--) {
            account.users.put(
                    in.readUTF(), new Account.User(in.readInt(), in.readInt(), in.readLong(), in.readInt()));
        }
        for (int left = in.readInt(); left > 0; left--) {
            var feature = new Account.Feature();
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
        readOthers(account, in);
        return account;
    }

    private static void readOthers(Account account, DataInput in) throws IOException {
        for (int left = in.readInt(); left > 0; left--) {
            var ticket = new Account.Ticket();
            account.tickets.put(in.readUTF(), ticket);
            ticket.priority = in.readByte();
            ticket.describedMs = in.readLong();
            for (int transitions = in.readByte(); transitions > 0; transitions--) {
                ticket.transitions.add(new Account.Transition(in.readLong(), in.readByte()));
            }
        }
        for (int left = in.readInt(); left > 0; left--) {
            account.answers.put(
                    in.readUTF(), new Account.Answer(in.readLong(), in.readByte(), in.readByte(), in.readUTF()));
        }
    }

    /** A copy that shares nothing that a fold changes. */
    static Account copy(Account from) {
        var account = new Account();
        account.events = from.events;
        account.repeated = from.repeated;
        account.firstMs = from.firstMs;
        account.newestMs = from.newestMs;
        account.nextOrdinal = from.nextOrdinal;
        account.seen.addAll(from.seen);
        for (Map.Entry<String, Account.User> entry : from.users.entrySet()) {
            Account.User user = entry.getValue();
            account.users.put(entry.getKey(), new Account.User(user.ordinal, user.lastDay, user.bits, user.firstDay));
        }
        for (Map.Entry<String, Account.Feature> entry : from.features.entrySet()) {
            var feature = new Account.Feature();
            feature.lastDay = entry.getValue().lastDay;
            feature.bits = entry.getValue().bits;
            feature.users.putAll(entry.getValue().users);
            account.features.put(entry.getKey(), feature);
        }
        from.days.forEach((day, counts) -> account.days.put(day, counts.clone()));
        for (Map.Entry<String, Account.Ticket> entry : from.tickets.entrySet()) {
            var ticket = new Account.Ticket();
            ticket.priority = entry.getValue().priority;
            ticket.describedMs = entry.getValue().describedMs;
            ticket.transitions.addAll(entry.getValue().transitions);
            account.tickets.put(entry.getKey(), ticket);
        }
        account.answers.putAll(from.answers);
        return account;
    }
}
