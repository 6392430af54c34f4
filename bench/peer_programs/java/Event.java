import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.util.List;

/** One event of the three kinds that a run sends, as its record's value has it. */
sealed interface Event {
    /** The kinds, in the order of the topics that a peer is told of. */
    List<String> KINDS = List.of("usage", "ticket", "survey");

    /** Whose it is. */
    String accountId();

    /** When it happened, epoch milliseconds. */
    long ms();

    /** A user used a feature. */
    record Usage(String eventId, String accountId, String userId, String feature, long ms) implements Event {}

    /** A ticket's transition. */
    record Ticket(String eventId, String accountId, String ticketId, String status, String priority, long ms)
            implements Event {}

    /** A survey's answer. */
    record Answer(
            String eventId, String accountId, String userId, String survey, int score, String responseId, long ms)
            implements Event {}

    JsonFactory JSON = new JsonFactory();

    /** A record's value as an event of that kind (an index into KINDS). */
    static Event read(int kind, byte[] value) {
        String eventId = null;
        String accountId = null;
        String userId = null;
        String named = null; // the feature, the ticket or the survey
        String status = null;
        String priority = null;
        String responseId = null;
        int score = 0;
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
                    case "feature", "ticket_id", "survey" -> named = parser.getText();
                    case "status" -> status = parser.getText();
                    case "priority" -> priority = parser.getText();
                    case "response_id" -> responseId = parser.getText();
                    case "score" -> score = parser.getIntValue();
                    case "timestamp" -> ms = Instant.parse(parser.getText()).toEpochMilli();
                    default -> parser.skipChildren();
                }
            }
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return switch (kind) {
            case 0 -> new Usage(eventId, accountId, userId, named, ms);
            case 1 -> new Ticket(eventId, accountId, named, status, priority, ms);
            default -> new Answer(eventId, accountId, userId, named, score, responseId, ms);
        };
    }
}
