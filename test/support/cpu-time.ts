// What work costs, for tests of its order: time of this process, which a loaded machine does not stretch.

/** Seconds of processor time that `body` takes. */
export function cpuSeconds(body: () => unknown): number {
  const before = process.cpuUsage();
  body();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
