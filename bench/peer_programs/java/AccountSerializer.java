import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** How Flink writes, reads and copies an account's state; its own way for such an object would be Kryo, which is slow. */
public final class AccountSerializer extends TypeSerializerSingleton<Account> {
    @Override
    public boolean isImmutableType() {
        return false;
    }

    @Override
    public Account createInstance() {
        return new Account();
    }

    @Override
    public Account copy(Account from) {
        return AccountBytes.copy(from);
    }

    @Override
    public Account copy(Account from, Account reuse) {
        return AccountBytes.copy(from);
    }

    @Override
    public int getLength() {
        return -1;
    }

    @Override
    public void serialize(Account account, DataOutputView target) throws IOException {
        AccountBytes.write(account, target);
    }

    @Override
    public Account deserialize(DataInputView source) throws IOException {
        return AccountBytes.read(source);
    }

    @Override
    public Account deserialize(Account reuse, DataInputView source) throws IOException {
        return AccountBytes.read(source);
    }

    @Override
    public void copy(DataInputView source, DataOutputView target) throws IOException {
        AccountBytes.write(AccountBytes.read(source), target);
    }

    @Override
    public TypeSerializerSnapshot<Account> snapshotConfiguration() {
        return new Snapshot();
    }

    /** Nothing about it can change. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<Account> {
        public Snapshot() {
            super(AccountSerializer::new);
        }
    }
}
