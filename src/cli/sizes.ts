// Sizes and durations as Docker reads and writes them.

const UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** `512m`, `2g`, `1024`, `1.5GB`: binary units as in Docker's RAM sizes; null when it is none. */
export function parseSize(text: string): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?\s*$/i.exec(text);
  if (match === null) return null;
  const factor = UNITS[(match[2] ?? '').toLowerCase()];
  return factor === undefined ? null : Math.floor(Number(match[1]) * factor);
}

/** `12.3MB`, decimal units as `docker images` prints. */
export function formatSize(bytes: number): string {
  let value = bytes;
  for (const unit of ['B', 'kB', 'MB', 'GB']) {
    if (value < 1000 || unit === 'GB')
      return unit === 'B' ? `${value}B` : `${value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : Math.round(value)}${unit}`;
    value /= 1000;
  }
  return `${bytes}B`;
}

/** `0.3s`, `1m02s`. */
export function formatSeconds(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)}s`;
  return `${Math.floor(seconds / 60)}m${String(Math.floor(seconds % 60)).padStart(2, '0')}s`;
}

/** `3 hours ago`. */
export function formatAge(milliseconds: number): string {
  const steps: readonly (readonly [number, string])[] = [
    [60, 'second'],
    [60, 'minute'],
    [24, 'hour'],
    [7, 'day'],
    [4.35, 'week'],
    [12, 'month'],
    [Infinity, 'year'],
  ];
  let value = Math.max(0, milliseconds / 1000);
  for (const [size, unit] of steps) {
    if (value < size) {
      const whole = Math.floor(value);
      return `${whole} ${unit}${whole === 1 ? '' : 's'} ago`;
    }
    value /= size;
  }
  return 'long ago';
}
