// Money is integers: a token's smallest unit as bigint. No float touches an amount.

import { Fault } from "./errors";

const LARGEST = 2n ** 256n - 1n;

/** "1.5" with 6 decimals -> 1500000n. Says what is wrong instead of rounding. */
export function parseAmount(text: string, decimals: number, what: string): bigint {
  const clean = text.trim();
  if (clean === "") throw new Fault(`Enter ${what}.`);
  if (clean.includes(",")) throw new Fault("Write the amount without commas, with a point before the fraction: 1250.50");
  const found = /^(\d*)(?:\.(\d*))?$/.exec(clean);
  if (found === null || clean === ".") throw new Fault("Write the amount in digits, such as 25 or 0.5.");
  const [whole, fraction] = [found[1] ?? "", (found[2] ?? "").replace(/0+$/, "")];
  if (fraction.length > decimals) {
    throw new Fault(`This asset has at most ${decimals} digits after the point.`);
  }
  const amount = BigInt(whole + fraction.padEnd(decimals, "0"));
  if (amount > LARGEST) throw new Fault("This amount is larger than any there can be.");
  return amount;
}

/** 1500000n with 6 decimals -> "1.5"; whole part in groups of three. */
export function formatAmount(amount: bigint, decimals: number): string {
  const digits = amount.toString().padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals).replace(/\B(?=(\d{3})+$)/g, ",");
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, "");
  return fraction === "" ? whole : `${whole}.${fraction}`;
}

/** As `formatAmount`, with at most `places` digits after the point, rounded up: for a fee, not for a gift. */
export function formatAbout(amount: bigint, decimals: number, places: number): string {
  if (places >= decimals) return formatAmount(amount, decimals);
  const unit = 10n ** BigInt(decimals - places);
  return formatAmount(((amount + unit - 1n) / unit) * unit, decimals);
}
