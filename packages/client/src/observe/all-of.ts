import type { AttemptTrace, CallTrace, Observer } from './observer.ts';

/** One observer that calls several; undefined for none. */
export function allOf(observers: readonly Observer[]): Observer | undefined {
  if (observers.length <= 1) return observers[0];
  return {
    onCall(call) {
      return allTraces(observers.map((one) => one.onCall?.(call)));
    },
    onPod(pod) {
      for (const one of observers) one.onPod?.(pod);
    },
    onHealth(pod) {
      for (const one of observers) one.onHealth?.(pod);
    },
    onSet(set) {
      for (const one of observers) one.onSet?.(set);
    },
    onReport(report) {
      for (const one of observers) one.onReport?.(report);
    },
    onRegistry(status) {
      for (const one of observers) one.onRegistry?.(status);
    },
  };
}

function allTraces(traces: readonly (CallTrace | undefined)[]): CallTrace | undefined {
  const calls = traces.filter((trace) => trace !== undefined);
  if (calls.length <= 1) return calls[0];
  return {
    onAttempt: (attempt) => allAttempts(calls.map((call) => call.onAttempt?.(attempt))),
    onEnd(code, endedMs) {
      for (const call of calls) call.onEnd?.(code, endedMs);
    },
  };
}

function allAttempts(traces: readonly (AttemptTrace | undefined)[]): AttemptTrace | undefined {
  const attempts = traces.filter((trace) => trace !== undefined);
  if (attempts.length <= 1) return attempts[0];
  return {
    onStart(attempt) {
      for (const one of attempts) one.onStart?.(attempt);
    },
    onEnd(code, endedMs, sent) {
      for (const one of attempts) one.onEnd?.(code, endedMs, sent);
    },
  };
}
