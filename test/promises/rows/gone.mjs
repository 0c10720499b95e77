// Pods that die.
import { A, retrying, S, vary } from '../loads.mjs';
import { failed } from '../measures.mjs';
import { atMost } from '../promise.mjs';
import { nowMs } from '../time.mjs';

/** Within so long of a Pod's end its clients know of it. */
const NOTICED_MS = 50;

/** Kills Pods in turn; each is there again before the next. */
async function killInTurn(stage) {
  await stage.start();
  await stage.pause(1_000);
  stage.marks.kills = [];
  for (let round = 0; round < (stage.long ? 20 : 4); round++) {
    const pod = stage.pods[round % stage.pods.length];
    const killedMs = nowMs();
    pod.signal('SIGKILL');
    await pod.exited;
    // A busy machine needs a moment to end a process: until then its sockets are open.
    stage.marks.kills.push({ pod: pod.address, killedMs, goneMs: nowMs() });
    await stage.pause(700);
    await pod.start();
    await stage.pause(800);
  }
}

/** A call that was open on a Pod at its death, or began before that could be known. */
const wasThere = (client) => (call) =>
  client.marks.kills.some(({ pod, killedMs, goneMs }) => {
    return call.pod === pod && call.startMs <= goneMs + NOTICED_MS && call.endMs >= killedMs;
  });

const open = (client) => client.calls.filter(wasThere(client)).length;

/** Failed calls of which no Pod's death is the cause. */
const elsewhere = (client) =>
  client.calls.filter((call) => call.code !== 0 && !wasThere(client)(call)).length;

export const gone = [
  {
    id: 'G2',
    fault: 'Pods are killed (SIGKILL) in turn',
    loads: [A, S, vary(A, 'A with retryPolicy', { serviceConfig: retrying(['UNAVAILABLE']) })],
    play: killInTurn,
    promises: [
      atMost('failed', failed, { A: open, S: open, 'A with retryPolicy': 0 }),
      atMost('failed, begun > 50 ms after the kill', elsewhere, { A: 0, S: 0 }),
    ],
  },
];
