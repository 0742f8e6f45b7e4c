/** Numbers as people read them: on the page, in a terminal, and in what is said of who suffers. */

export function percent(part: number): string {
  const value = part * 100;
  return `${value > 0 && value < 9.95 ? value.toFixed(1) : Math.round(value)} %`;
}

export function ms(value: number): string {
  if (value >= 10_000) return `${(value / 1000).toFixed(1)} s`;
  return `${value > 0 && value < 9.95 ? value.toFixed(1) : Math.round(value)} ms`;
}

/** A rate or another number that is seldom whole. */
export function number(value: number): string {
  return value > 0 && value < 9.95 ? value.toFixed(1) : count(value);
}

/** Thousands are parted by a thin space. */
export function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

const units = ["B", "kB", "MB", "GB", "TB"] as const;

/** Powers of 1000, three digits at most. */
export function bytes(value: number): string {
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit > 0 && value < 99.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

export function duration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  const parts = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24];
  const [days, hours] = parts as [number, number];
  const minutes = Math.floor(seconds / 60) % 60;
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}
