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
