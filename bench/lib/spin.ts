/** Reads the clock for as many seconds as asked for and prints the share of that time by which it was later than `MS` ms between two readings. */
const [seconds = 1, ms = 1] = process.argv.slice(2).map(Number);
let lateMs = 0;
let lastMs = performance.now();
for (const endMs = lastMs + seconds * 1000; lastMs < endMs;) {
  const nowMs = performance.now();
  lateMs += Math.max(0, nowMs - lastMs - ms);
  lastMs = nowMs;
}
process.stdout.write(`${lateMs / (seconds * 1000)}\n`);
