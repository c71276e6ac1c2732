// Strings that come from a chain, a token or a stranger's document, made harmless to read.
// (They only ever become text nodes; this is about what they look like.)

const SHORT_HEAD = 6;
const SHORT_TAIL = 4;

/** One line without control, format or bidirectional-override characters, at most `limit` characters. */
export function plain(text: string, limit: number): string {
  const clean = text
    .normalize("NFC")
    .replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu, " ")
    // A stack of combining marks paints over its neighbours.
    .replace(/(\p{M}{3})\p{M}+/gu, "$1")
    .replace(/\s+/g, " ")
    .trim();
  const letters = Array.from(clean);
  return letters.length <= limit ? clean : `${letters.slice(0, limit - 1).join("")}\u2026`;
}

/** 0x1234…cdef */
export const short = (hex: string): string => `${hex.slice(0, SHORT_HEAD)}\u2026${hex.slice(-SHORT_TAIL)}`;

export const count = (number: number, one: string, many = `${one}s`): string => `${number} ${number === 1 ? one : many}`;

/** How long that is, in its largest unit, rounded down: "12 days". */
export function span(seconds: number): string {
  if (seconds >= 2 * 86_400) return count(Math.floor(seconds / 86_400), "day");
  if (seconds >= 2 * 3_600) return count(Math.floor(seconds / 3_600), "hour");
  return seconds >= 60 ? count(Math.floor(seconds / 60), "minute") : "less than a minute";
}

/** Hundredths of a percent: 250 as "2.5 %". */
export function percent(share: number): string {
  const fraction = String(share % 100).padStart(2, "0").replace(/0+$/, "");
  return `${Math.floor(share / 100)}${fraction === "" ? "" : `.${fraction}`}\u00a0%`;
}

const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
const MINUTE = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  timeZone: "UTC",
});

/** A day in UTC, from seconds. */
export const day = (seconds: number): string => DATE.format(seconds * 1000);

/** A minute in UTC, from seconds. */
export const minute = (seconds: number): string => `${MINUTE.format(seconds * 1000)} UTC`;
