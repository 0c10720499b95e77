// Loaded before all else (`--import`): a wall clock that can be set, as an operator or NTP sets the machine's. What is monotonic
// goes on. Timers too, as they do in Node.
let shiftMs = 0;
const RealDate = Date;

globalThis.Date = class extends RealDate {
  constructor(...values) {
    super(...(values.length === 0 ? [RealDate.now() + shiftMs] : values));
  }
  static now() {
    return RealDate.now() + shiftMs;
  }
};
globalThis.setWallClock = (ms) => {
  shiftMs = ms;
};
