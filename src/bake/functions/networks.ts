// Addresses of networks: cidrhost, cidrnetmask, cidrsubnet, cidrsubnets. IPv4 and IPv6 are numbers of 32
// and 128 bits here.
import { isInteger, truncate } from '../cty/big-float.ts';
import { STRING } from '../cty/types.ts';
import { isNumber, listValue, stringValue, type Value } from '../cty/value.ts';
import { CallProblem, type PlainFunction } from '../eval/scope.ts';
import { at, define, integerAt, number, text, textAt, variadic } from './arguments.ts';

interface Network {
  readonly address: bigint;
  readonly bits: 32 | 128;
  readonly prefix: number;
}

function parseV4(source: string): bigint | null {
  const parts = source.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) return null;
  return parts.reduce((address, part) => (address << 8n) | BigInt(part), 0n);
}

function parseV6(source: string): bigint | null {
  const halves = source.split('::');
  if (halves.length > 2) return null;
  const groups = (half: string): string[] | null => {
    if (half === '') return [];
    const last = half.slice(half.lastIndexOf(':') + 1);
    const v4 = last.includes('.') ? parseV4(last) : null;
    const plain =
      v4 === null ? half : `${half.slice(0, half.length - last.length)}${(v4 >> 16n).toString(16)}:${(v4 & 0xffffn).toString(16)}`;
    const parts = plain.split(':');
    return parts.every((part) => /^[0-9a-fA-F]{1,4}$/.test(part)) ? parts : null;
  };
  const [head, tail] = [groups(halves[0] ?? ''), groups(halves[1] ?? '')];
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
  const all = [...head, ...Array.from({ length: missing }, () => '0'), ...tail];
  return all.reduce((address, part) => (address << 16n) | BigInt(`0x${part}`), 0n);
}

function networkAt(args: readonly Value[], index: number): Network {
  const source = textAt(args, index);
  const [address = '', length = '', more] = source.split('/');
  const bits = address.includes(':') ? 128 : 32;
  const parsed = bits === 32 ? parseV4(address) : parseV6(address);
  const prefix = /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN;
  if (parsed === null || more !== undefined || !(prefix <= bits))
    throw new CallProblem(`${JSON.stringify(source)} is not a network like 10.0.0.0/8`, index);
  const host = BigInt(bits - prefix);
  return { address: (parsed >> host) << host, bits, prefix };
}

function formatAddress(address: bigint, bits: 32 | 128): string {
  if (bits === 32) return [24n, 16n, 8n, 0n].map((shift) => String((address >> shift) & 255n)).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => ((address >> BigInt(112 - 16 * index)) & 0xffffn).toString(16)).join(':');
  const runs = [...groups.matchAll(/(?:^|(?<=:))0(?::0)+(?=:|$)/g)].sort((a, b) => b[0].length - a[0].length);
  const [longest] = runs;
  if (longest === undefined) return groups;
  const before = groups.slice(0, Math.max(0, longest.index - 1));
  const after = groups.slice(longest.index + longest[0].length + 1);
  return `${before}::${after}`;
}

function host(args: readonly Value[]): Value {
  const network = networkAt(args, 0);
  const wanted = at(args, 1);
  if (!isNumber(wanted) || !isInteger(wanted.payload)) throw new CallProblem('a whole number is required', 1);
  const index = truncate(wanted.payload);
  const size = 1n << BigInt(network.bits - network.prefix);
  const position = index < 0n ? size + index : index;
  if (position < 0n || position >= size) throw new CallProblem(`a network of prefix ${network.prefix} has no host number ${index}`, 1);
  return stringValue(formatAddress(network.address + position, network.bits));
}

function extended(network: Network, newBits: number, index: number): Network {
  const prefix = network.prefix + newBits;
  if (newBits < 0 || prefix > network.bits)
    throw new CallProblem(`a prefix of ${network.prefix} bits cannot be extended by ${newBits}`, index);
  return { ...network, prefix };
}

const networkText = (network: Network): string => `${formatAddress(network.address, network.bits)}/${network.prefix}`;

function subnet(args: readonly Value[]): Value {
  const network = networkAt(args, 0);
  const wider = extended(network, integerAt(args, 1), 1);
  const position = integerAt(args, 2);
  if (position < 0 || BigInt(position) >= 1n << BigInt(wider.prefix - network.prefix))
    throw new CallProblem(`the extended prefix has no network number ${position}`, 2);
  return stringValue(networkText({ ...wider, address: network.address + (BigInt(position) << BigInt(network.bits - wider.prefix)) }));
}

/** Consecutive subnets, each aligned to its own size. */
function subnets(args: readonly Value[]): Value {
  const network = networkAt(args, 0);
  const end = network.address + (1n << BigInt(network.bits - network.prefix));
  let next = network.address;
  const found = args.slice(1).map((_, index) => {
    const part = extended(network, integerAt(args, index + 1), index + 1);
    const size = 1n << BigInt(network.bits - part.prefix);
    const address = ((next + size - 1n) / size) * size;
    if (address + size > end) throw new CallProblem(`there is no room left for a subnet of ${part.prefix} bits`, index + 1);
    next = address + size;
    return stringValue(networkText({ ...part, address }));
  });
  return listValue(found, STRING);
}

export const NETWORK_FUNCTIONS: Readonly<Record<string, PlainFunction>> = {
  cidrhost: define([text('prefix'), number('hostnum')], host),
  cidrnetmask: define([text('prefix')], (args) => {
    const network = networkAt(args, 0);
    if (network.bits !== 32) throw new CallProblem('only IPv4 networks have a netmask', 0);
    const mask = (0xffffffffn << BigInt(32 - network.prefix)) & 0xffffffffn;
    return stringValue(formatAddress(mask, 32));
  }),
  cidrsubnet: define([text('prefix'), number('newbits'), number('netnum')], subnet),
  cidrsubnets: variadic([text('prefix')], number('newbits'), subnets),
};
