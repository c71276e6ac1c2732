// The donor's reference: 32 bytes that are logged with the gift, for everybody to read, for ever.

import { bytesToHex, type Hex, hexToBytes } from "viem";
import { Fault } from "./errors";
import { plain } from "./text";

const SIZE = 32;

/** Text of at most 32 bytes, or 0x and at most 64 hexadecimal digits; nothing -> a new random reference. */
export function parseMemo(text: string): Hex {
  const clean = text.trim();
  if (clean === "") return bytesToHex(crypto.getRandomValues(new Uint8Array(SIZE)));
  const isDigits = /^0x[0-9a-f]*$/i.test(clean);
  if (isDigits && clean.length % 2 === 1) throw new Fault("This reference has an odd number of digits. Add or drop one.");
  const bytes = isDigits ? hexToBytes(clean as Hex) : new TextEncoder().encode(clean);
  if (bytes.length > SIZE) {
    throw new Fault(`A reference has room for ${SIZE} letters (${SIZE} bytes); this one needs ${bytes.length}.`);
  }
  const padded = new Uint8Array(SIZE);
  padded.set(bytes);
  return bytesToHex(padded);
}

/** The text in a memo, or null where it holds none. */
export function memoText(memo: Hex): string | null {
  const bytes = hexToBytes(memo);
  const end = bytes.findLastIndex((byte) => byte !== 0) + 1;
  if (end === 0) return null;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, end));
    return plain(text, SIZE) === text && !text.startsWith("0x") ? text : null;
  } catch {
    return null;
  }
}
