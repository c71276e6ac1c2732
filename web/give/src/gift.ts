// One gift, from intent to proof: checked against the chain, shown, signed, sent, and read back from its logs.

import { type Address, type Hex, hexToBigInt, zeroAddress } from "viem";
import { decodeLog, encode, GIVING, type Log, read, RECEIPTS, TOKEN } from "./abi";
import { formatAmount } from "./amounts";
import { metadataOf } from "./artwork";
import { type Asset, balanceOf, isCoin } from "./assets";
import { explain, Fault, inWords, isUnsupported, revertReason } from "./errors";
import { type Domain, permitDomain, type Signature, signPermit } from "./permit";
import { type Route, routeOf } from "./routes";
import { head, type Reader } from "./rpc";
import { mined, type Place, sameChain, send, type TransactionReceipt, tried, withMargin } from "./sending";

export type Recipient =
  | { kind: "charity"; id: number }
  | { kind: "fund"; id: number; epoch: number }
  | { kind: "campaign"; id: number; address: Address; tier: number };

export interface Intent {
  recipient: Recipient;
  asset: Asset;
  /** What the recipient gets, and what the operations payee gets on top, in the smallest unit. */
  amount: bigint;
  tip: bigint;
  memo: Hex;
  wantsReceipt: boolean;
  donor: Address;
}

export type Permission =
  | { kind: "none" }
  | { kind: "permit"; domain: Domain }
  /** `needsReset`: a token that changes an allowance only to or from zero (USDT). */
  | { kind: "approve"; needsReset: boolean };

export interface Plan {
  intent: Intent;
  route: Route;
  /** Where the gift goes: the charity's address, or the contract where it waits. */
  payee: Address;
  operations: Address | null;
  total: bigint;
  permission: Permission;
  /** Network fee, in the coin's smallest unit; `isMeasured`: the node ran this very transaction. */
  fee: bigint;
  isMeasured: boolean;
}

export type StepId = "reset" | "approve" | "permit" | "give" | "wait";

export interface Outcome {
  plan: Plan;
  hash: Hex;
  block: number;
  /** As logged: `Donated`, `FundDonated` or `Pledged`, with its fields by name. */
  event: string;
  fields: [string, string][];
  tip: "none" | "paid" | "kept";
  /** The receipt, or a campaign's NFT. */
  tokenId: bigint | null;
  /** Network fee paid for the gift itself, in the coin's smallest unit. */
  fee: bigint;
}

// What comes on top of a route's gas, measured as that is.
const PERMISSION_GAS = { none: 0n, permit: 28_500n, approve: 46_000n };
const TIP_GAS = 30_500n;
const RECEIPT_GAS = 120_500n;
const PERMIT_SECONDS = 1800;
const RECEIPT_BITS = 96n;

/** Checks everything that can be known before anything is signed; says what is wrong, or where the money will go. */
export async function prepare(place: Place, intent: Intent, avoidPermit = false): Promise<Plan> {
  const { reader, config } = place;
  const { asset, donor } = intent;
  if (intent.amount === 0n) throw new Fault("The amount is zero. Enter how much you would like to give.");
  if (intent.wantsReceipt && intent.amount >> RECEIPT_BITS !== 0n) throw new Fault(inWords("receipts: amount too large"));
  await sameChain(place);

  const route = routeOf(reader, config, intent);
  const payee = await route.check();
  const operations = intent.tip === 0n ? null : await read<Address>(reader, route.contract, GIVING, "operations");

  const total = intent.amount + intent.tip;
  const balance = await balanceOf(reader, asset, donor);
  if (balance < total) {
    const [has, needs] = [balance, total].map((each) => `${formatAmount(each, asset.decimals)} ${asset.symbol}`);
    throw new Fault(`Your wallet holds ${has}, and this needs ${needs}.`);
  }

  const permission = await permissionFor(place, intent, route.contract, total, avoidPermit);
  const plan: Plan = { intent, route, payee, operations, total, permission, fee: 0n, isMeasured: false };
  const gas = permission.kind === "none" ? await simulate(place, plan, null) : expectedGas(plan);
  plan.isMeasured = permission.kind === "none";
  plan.fee = gas * BigInt((await reader.request("eth_gasPrice")) as string);
  const coins = isCoin(asset) ? balance : await balanceOf(reader, { ...asset, address: zeroAddress }, donor);
  if (coins < plan.fee + (isCoin(asset) ? total : 0n)) {
    const { symbol, decimals } = config.coin;
    throw new Fault(
      `Your wallet holds ${formatAmount(coins, decimals)} ${symbol}. ` +
        `${isCoin(asset) ? "The amount and the network fee together need more" : `The network fee is paid in ${symbol} and needs more`}.`,
    );
  }
  return plan;
}

/** What the donor's wallet is going to ask, in order. */
export function stepsOf(plan: Plan): StepId[] {
  const before: StepId[] =
    plan.permission.kind === "permit"
      ? ["permit"]
      : plan.permission.kind === "approve"
        ? plan.permission.needsReset
          ? ["reset", "approve"]
          : ["approve"]
        : [];
  return [...before, "give", "wait"];
}

/** Signs and sends. `onStep` hears which step has begun, `onSent` the gift's transaction hash. */
export async function give(place: Place, plan: Plan, onStep: (step: StepId) => void, onSent: (hash: Hex) => void): Promise<Outcome> {
  const { intent, permission, route } = plan;
  let signature: Signature | null = null;
  if (permission.kind === "permit") {
    onStep("permit");
    signature = await permitted(place, plan, permission.domain);
  } else if (permission.kind === "approve" && (await allowanceOf(place, intent, route.contract)) < plan.total) {
    if (permission.needsReset) {
      onStep("reset");
      await approve(place, plan, 0n);
    }
    onStep("approve");
    await approve(place, plan, plan.total);
  }
  onStep("give");
  const gas = await simulate(place, plan, signature);
  const hash = await send(place, {
    from: intent.donor,
    to: route.contract,
    data: route.call(signature),
    value: valueOf(plan),
    gas: withMargin(gas),
  });
  onSent(hash);
  onStep("wait");
  return outcomeOf(place, plan, hash, await mined(place.reader, hash));
}

/** How many blocks stand on the one with the gift, itself included; 0 when that block has been replaced. */
export async function confirmations(reader: Reader, hash: Hex): Promise<number> {
  const receipt = (await reader.request("eth_getTransactionReceipt", [hash])) as TransactionReceipt | null;
  return receipt === null ? 0 : (await head(reader)).number - Number(receipt.blockNumber) + 1;
}

/** A receipt's picture, drawn by the contract, as an address for <img>. */
export async function artOf(reader: Reader, receipts: Address, tokenId: bigint): Promise<string> {
  const uri = await read<string>(reader, receipts, RECEIPTS, "tokenURI", [tokenId]);
  const { image } = metadataOf(uri);
  if (!image.startsWith("data:image/svg+xml")) throw new Fault("The receipt has no picture.");
  return image;
}

// --- before signing ---

async function permissionFor(
  { reader, config }: Place,
  { asset, donor }: Intent,
  spender: Address,
  total: bigint,
  avoidPermit: boolean,
): Promise<Permission> {
  if (isCoin(asset)) return { kind: "none" };
  const allowance = await allowanceOf({ reader }, { asset, donor }, spender);
  if (allowance >= total) return { kind: "none" };
  const domain = avoidPermit ? null : await permitDomain(reader, asset.address, donor, config.chainId);
  if (domain !== null) return { kind: "permit", domain };
  if (allowance === 0n) return { kind: "approve", needsReset: false };
  const call = { from: donor, to: asset.address, data: encode(TOKEN, "approve", [spender, total]) };
  const isTaken = await reader.request("eth_call", [call, "latest"]).then(
    () => true,
    () => false,
  );
  return { kind: "approve", needsReset: !isTaken };
}

const allowanceOf = ({ reader }: Pick<Place, "reader">, { asset, donor }: Pick<Intent, "asset" | "donor">, spender: Address): Promise<bigint> =>
  read<bigint>(reader, asset.address, TOKEN, "allowance", [donor, spender]);

function expectedGas({ intent, permission, route }: Plan): bigint {
  const times = permission.kind === "approve" && permission.needsReset ? 2n : 1n;
  return (
    route.tokenGas +
    PERMISSION_GAS[permission.kind] * times +
    (intent.tip === 0n ? 0n : TIP_GAS) +
    (intent.wantsReceipt ? RECEIPT_GAS : 0n)
  );
}

// --- the call ---

const valueOf = (plan: Plan): bigint => (isCoin(plan.intent.asset) ? plan.total : 0n);

/** Runs the gift on the node without sending it. Returns its gas; throws the contract's own reason. */
async function simulate(place: Place, plan: Plan, signature: Signature | null): Promise<bigint> {
  const { route, intent } = plan;
  try {
    return await tried(place, { from: intent.donor, to: route.contract, data: route.call(signature), value: valueOf(plan) });
  } catch (error) {
    if (signature !== null && /allowance|token refused/.test(revertReason(error) ?? "")) {
      throw new Fault("The token did not accept the signature. Give with an approval instead.", "permit");
    }
    throw explain(error);
  }
}

async function permitted({ reader, provider }: Place, plan: Plan, domain: Domain): Promise<Signature> {
  const { asset, donor } = plan.intent;
  const [nonce, { timestamp }] = await Promise.all([read<bigint>(reader, asset.address, TOKEN, "nonces", [donor]), head(reader)]);
  try {
    return await signPermit(provider, domain, {
      owner: donor,
      spender: plan.route.contract,
      value: plan.total,
      nonce,
      deadline: BigInt(timestamp + PERMIT_SECONDS),
    });
  } catch (error) {
    if (isUnsupported(error)) {
      throw new Fault("Your wallet cannot sign this kind of permission. Give with an approval instead.", "permit");
    }
    throw explain(error);
  }
}

async function approve(place: Place, plan: Plan, amount: bigint): Promise<void> {
  const { asset, donor } = plan.intent;
  const hash = await send(place, {
    from: donor,
    to: asset.address,
    data: encode(TOKEN, "approve", [plan.route.contract, amount]),
    value: 0n,
    gas: null,
  });
  const receipt = await mined(place.reader, hash);
  if (hexToBigInt(receipt.status) !== 1n) throw new Fault("The token refused the approval. Nothing was given.");
}

// --- after sending ---

function outcomeOf({ config }: Place, plan: Plan, hash: Hex, receipt: TransactionReceipt): Outcome {
  if (hexToBigInt(receipt.status) !== 1n) {
    throw new Fault(`The network refused the transaction ${hash}. Your money stayed in your wallet; only the network fee was spent.`);
  }
  const isOf = (log: Log, contract: Address): boolean => log.address.toLowerCase() === contract.toLowerCase();
  const { abi, contract, event, saysSo } = plan.route;
  const logs = receipt.logs.filter((log) => isOf(log, contract)).map((log) => decodeLog(abi, log));
  const gift = logs.find((log) => log?.name === event);
  if (gift == null || !saysSo(gift.fields, plan.payee)) {
    throw new Fault(`The transaction ${hash} went through, but its log is not what you saw. Please have it looked at.`);
  }
  const minted = receipt.logs
    .filter((log) => isOf(log, config.contracts.receipts))
    .map((log) => decodeLog(RECEIPTS, log))
    .find((log) => log?.name === "ReceiptMinted");
  return {
    plan,
    hash,
    block: Number(receipt.blockNumber),
    event: gift.name,
    fields: Object.entries(gift.fields).map(([name, value]) => [name, String(value)]),
    tip: plan.intent.tip === 0n ? "none" : logs.some((log) => log?.name === "Tipped") ? "paid" : "kept",
    tokenId: (gift.fields["token_id"] ?? minted?.fields["token_id"] ?? null) as bigint | null,
    fee: hexToBigInt(receipt.gasUsed) * hexToBigInt(receipt.effectiveGasPrice),
  };
}
