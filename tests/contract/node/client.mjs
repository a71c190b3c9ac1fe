// The official OpenAI client for Node, unmodified. Runs every scenario and prints one JSON object.
import { readFileSync } from "node:fs";
import OpenAI from "openai";

const { baseURL, model, invoiceText, schema, tool } = JSON.parse(readFileSync(0, "utf8"));
const client = new OpenAI({ apiKey: "sk-not-checked", baseURL, maxRetries: 2, timeout: 30_000 });
const messages = [{ role: "user", content: "Say hi" }];

async function failure(work) {
  try {
    await work();
  } catch (error) {
    const { status, code, param, type, message, requestID } = error;
    return { name: error.constructor.name, status, code, param, type, message, requestID };
  }
  return { name: "none" };
}

const scenarios = {
  async chat() {
    const { data, response, request_id } = await client.chat.completions
      .create({ model, messages })
      .withResponse();
    return {
      content: data.choices[0].message.content,
      finish: data.choices[0].finish_reason,
      tokens: data.usage.completion_tokens,
      outcome: data.firstline.outcome,
      header: response.headers.get("x-firstline-outcome"),
      sameRequest: request_id === data.firstline.request_id,
    };
  },
  async stream() {
    const stream = await client.chat.completions.create({
      model,
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    const seen = { content: "", finish: null, tokens: null, outcome: null };
    for await (const chunk of stream) {
      seen.content += chunk.choices[0]?.delta.content ?? "";
      seen.finish = chunk.choices[0]?.finish_reason ?? seen.finish;
      seen.tokens = chunk.usage?.completion_tokens ?? seen.tokens;
      seen.outcome = chunk.firstline?.outcome ?? seen.outcome;
    }
    return seen;
  },
  async streamHelper() {
    const stream = client.chat.completions.stream({ model, messages });
    const final = await stream.finalChatCompletion();
    return { content: final.choices[0].message.content };
  },
  async structured() {
    const completion = await client.chat.completions.parse({
      model,
      messages,
      response_format: { type: "json_schema", json_schema: { name: "answer", schema } },
    });
    return JSON.parse(completion.choices[0].message.content);
  },
  async task() {
    const completion = await client.chat.completions.create({
      model: "invoice-extract",
      messages: [{ role: "user", content: invoiceText }],
    });
    return JSON.parse(completion.choices[0].message.content);
  },
  async tool() {
    const completion = await client.chat.completions.create({
      model,
      messages,
      tools: [tool],
      tool_choice: "required",
    });
    const call = completion.choices[0].message.tool_calls[0];
    return { name: call.function.name, arguments: JSON.parse(call.function.arguments) };
  },
  async completion() {
    const completion = await client.completions.create({ model, prompt: "Once upon" });
    return { text: completion.choices[0].text };
  },
  async embeddings() {
    const reply = await client.embeddings.create({ model: "static-minilm", input: ["one", "two"] });
    return { count: reply.data.length, length: reply.data[0].embedding.length, first: reply.data[0].embedding[0] };
  },
  async response() {
    const response = await client.responses.create({ model, input: "Say hi" });
    return { text: response.output_text, status: response.status, tokens: response.usage.output_tokens };
  },
  async responseStream() {
    const stream = await client.responses.create({ model, input: "Say hi", stream: true });
    const names = [];
    let text = "";
    for await (const event of stream) {
      names.push(event.type);
      text += event.type === "response.output_text.delta" ? event.delta : "";
    }
    return { text, first: names[0], last: names.at(-1) };
  },
  async models() {
    const names = [];
    for await (const entry of client.models.list()) names.push(entry.id);
    const one = await client.models.retrieve("invoice-extract");
    return { names, one: one.id };
  },
  async unknownModel() {
    return failure(() => client.chat.completions.create({ model: "gpt-9", messages }));
  },
  async badRequest() {
    return failure(() => client.chat.completions.create({ model, messages, guided_json: {} }));
  },
  async brokenStream() {
    return failure(async () => {
      const stream = await client.chat.completions.create({ model, messages, stream: true });
      for await (const chunk of stream) void chunk;
    });
  },
  async finalFailure() {
    return failure(() => client.chat.completions.create({ model, messages }));
  },
};

const wanted = process.argv.slice(2);
const results = {};
for (const name of wanted) results[name] = await scenarios[name]();
process.stdout.write(JSON.stringify(results));
