// A stream with the official Node client: npm install openai && node examples/clients/stream.mjs
import OpenAI from "openai";

const client = new OpenAI({
  baseURL: process.env.OPENAI_BASE_URL ?? "http://127.0.0.1:8080/v1",
  apiKey: "none",
});
const stream = await client.chat.completions.create({
  model: "rewrite-standard",
  messages: [{ role: "user", content: "hey guys the meeting is moved to 3pm dont be late" }],
  stream: true,
  stream_options: { include_usage: true },
});
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
  if (chunk.firstline) console.log("\n", chunk.firstline);
}
