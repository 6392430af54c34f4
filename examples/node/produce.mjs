// Puts usage events onto Kafka the way Heartline wants them: keyed by account, acknowledged, safe to repeat.
//
//   npm ci
//   KAFKA_BOOTSTRAP_SERVERS=localhost:9092 node produce.mjs product-usage < events.jsonl
import { createInterface } from "node:readline";
import { CompressionTypes, Kafka, logLevel, Partitioners } from "kafkajs";

const topic = process.argv[2];
const kafka = new Kafka({
  clientId: "heartline-example",
  brokers: process.env.KAFKA_BOOTSTRAP_SERVERS.split(","),
  logLevel: logLevel.WARN,
});
const producer = kafka.producer({
  // Since KafkaJS 2 this is Kafka's own partitioner; the legacy one puts accounts elsewhere.
  createPartitioner: Partitioners.DefaultPartitioner,
  idempotent: true,
});

const messages = [];
for await (const line of createInterface({ input: process.stdin })) {
  messages.push({ key: JSON.parse(line).account_id, value: line });
}
await producer.connect();
await producer.send({ topic, messages, acks: -1, compression: CompressionTypes.GZIP });
await producer.disconnect();
console.log(`${messages.length} events on ${topic}`);
