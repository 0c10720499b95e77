// What clients and Pods wrote of one run, joined by the calls' ids.

export class History {
  #clients;

  constructor({ clients, log, marks, pods }) {
    const byId = new Map();
    for (const entry of log) {
      if (entry.id === '-') continue;
      const entries = byId.get(entry.id) ?? [];
      entries.push(entry);
      byId.set(entry.id, entries);
    }
    this.marks = marks;
    this.log = log;
    this.pods = pods;
    this.#clients = clients.map((client) => {
      client.calls.sort((a, b) => a.startMs - b.startMs);
      for (const call of client.calls) call.served = byId.get(call.id) ?? [];
      return { ...client, marks, pods, log };
    });
    for (const client of this.#clients) client.all = this.#clients.filter(({ kind }) => kind === client.kind);
  }

  /** What podwire's client or its peer's saw under a load. A load may be compared with another's peer. */
  of(kind, load) {
    const name = kind === 'podwire' ? load.name : (load.peer ?? load.name);
    return this.#clients.find((client) => client.kind === kind && client.load.name === name);
  }

  /** The commonest failures of each client, in words. */
  failures() {
    return this.#clients.flatMap(({ name, calls, marks }) => {
      const counts = new Map();
      for (const { code, details, startMs } of calls) {
        if (code === 0) continue;
        const text = `${code} ${details.replaceAll(/[\d.]+ ?m?s\b|\d+/g, 'N')}`;
        const { count = 0, firstMs = startMs } = counts.get(text) ?? {};
        counts.set(text, { count: count + 1, firstMs });
      }
      return [...counts]
        .sort(([, a], [, b]) => b.count - a.count)
        .slice(0, 4)
        .map(
          ([text, { count, firstMs }]) =>
            `${name}: ${count} × ${text}, first ${((firstMs - marks.started) / 1_000).toFixed(2)} s in`,
        );
    });
  }

  /** Calls that Pods ran more than once although no policy said so, of all clients of a kind. */
  executedTwice(kind) {
    let twice = 0;
    let calls = 0;
    for (const client of this.#clients) {
      if (client.kind !== kind || client.load.serviceConfig?.methodConfig !== undefined) continue;
      calls += client.calls.length;
      for (const { served } of client.calls)
        if (served.filter(({ what }) => what === 'begun').length > 1) twice += 1;
    }
    return { twice, calls };
  }
}
