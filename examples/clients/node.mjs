// Is a gradient written by hand right?  With Node's own fetch (Node 18 or newer).
//
//   node node.mjs [http://host:port]        or ADJOINT_URL=http://host:port node node.mjs

const url = process.argv[2] ?? process.env.ADJOINT_URL ?? "http://127.0.0.1:8000";
const question = { expr: "x^2*sin(y) + exp(-x*y)", at: { x: 3, y: 0.5 } };

const { sin, cos, exp } = Math;
const right = ({ x, y }) => ({ x: 2 * x * sin(y) - y * exp(-x * y), y: x ** 2 * cos(y) - x * exp(-x * y) });
// Forgets the inner derivative -x in one component.
const wrong = ({ x, y }) => ({ ...right({ x, y }), y: x ** 2 * cos(y) + exp(-x * y) });

async function post(path, body) {
  const response = await fetch(url + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const type = response.headers.get("content-type") ?? "";
  if (type.startsWith("application/problem+json")) {
    const { title, detail, hint } = await response.json();
    throw new Error(`${title}: ${detail}` + (hint ? `\nhint: ${hint}` : ""));
  }
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  return response.json();
}

async function check(label, gradient) {
  const { verdict, diagnosis } = await post("/check", { ...question, claimed: { grad: gradient(question.at) } });
  console.log(label, verdict);
  if (diagnosis.length > 0) console.log(`          ${diagnosis[0].kind}: ${diagnosis[0].detail}`);
}

try {
  const { value, grad } = await post("/grad", question);
  console.log(`value     ${value}`);
  console.log(`gradient  x ${grad.x}, y ${grad.y}`);
  await check("by hand  ", right);
  await check("mistaken ", wrong);
} catch (error) {
  console.error(error.cause ? `${url}: ${error.cause.message || error.cause.code}` : error.message);
  process.exitCode = 1;
}
