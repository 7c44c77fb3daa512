// Dates: RFC 3339 texts in, texts out. The clock is an argument of the table (timestamp()).
import { stringValue } from '../cty/value.ts';
import { CallProblem, type PlainFunction } from '../eval/scope.ts';
import { define, text, textAt } from './arguments.ts';

interface Moment {
  /** Milliseconds since 1970, in UTC. */
  readonly time: number;
  /** Minutes east of UTC. */
  readonly offset: number;
}

const RFC3339 = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

function parseMoment(source: string, index: number): Moment {
  const match = RFC3339.exec(source);
  const zone = match?.[4] ?? 'Z';
  const [hours = 0, minutes = 0] = zone.length === 1 ? [] : zone.slice(1).split(':').map(Number);
  const offset = (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
  const local = match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2]}Z`);
  const valid = match !== null && !Number.isNaN(local) && new Date(local).toISOString().startsWith(match[1] ?? '');
  if (!valid) throw new CallProblem(`${JSON.stringify(source)} is not a time like 2006-01-02T15:04:05Z`, index);
  return { time: local - offset * 60_000 + Math.floor(Number(`0${match[3] ?? ''}`) * 1000), offset };
}

const two = (value: number): string => String(value).padStart(2, '0');

function zoneText(offset: number, colon: string): string {
  const minutes = Math.abs(offset);
  return `${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}${colon}${two(minutes % 60)}`;
}

const localDate = (moment: Moment): Date => new Date(moment.time + moment.offset * 60_000);

const formatMoment = (moment: Moment): string =>
  `${localDate(moment).toISOString().slice(0, 19)}${moment.offset === 0 ? 'Z' : zoneText(moment.offset, ':')}`;

const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

const FIELDS: Readonly<Record<string, (date: Date, offset: number) => string>> = {
  YYYY: (date) => String(date.getUTCFullYear()).padStart(4, '0'),
  YY: (date) => two(date.getUTCFullYear() % 100),
  MMMM: (date) => MONTHS[date.getUTCMonth()] ?? '',
  MMM: (date) => MONTHS[date.getUTCMonth()]?.slice(0, 3) ?? '',
  MM: (date) => two(date.getUTCMonth() + 1),
  M: (date) => String(date.getUTCMonth() + 1),
  DD: (date) => two(date.getUTCDate()),
  D: (date) => String(date.getUTCDate()),
  EEEE: (date) => DAYS[date.getUTCDay()] ?? '',
  EEE: (date) => DAYS[date.getUTCDay()]?.slice(0, 3) ?? '',
  hh: (date) => two(date.getUTCHours()),
  h: (date) => String(date.getUTCHours()),
  HH: (date) => two(date.getUTCHours() % 12 || 12),
  H: (date) => String(date.getUTCHours() % 12 || 12),
  AA: (date) => (date.getUTCHours() < 12 ? 'AM' : 'PM'),
  aa: (date) => (date.getUTCHours() < 12 ? 'am' : 'pm'),
  mm: (date) => two(date.getUTCMinutes()),
  m: (date) => String(date.getUTCMinutes()),
  ss: (date) => two(date.getUTCSeconds()),
  s: (date) => String(date.getUTCSeconds()),
  ZZZZZ: (_, offset) => zoneText(offset, ':'),
  ZZZZ: (_, offset) => zoneText(offset, ''),
  ZZZ: (_, offset) => (offset === 0 ? 'UTC' : zoneText(offset, '')),
  Z: (_, offset) => (offset === 0 ? 'Z' : zoneText(offset, ':')),
};

/** Runs of one letter are fields, text in single quotes is itself. */
function formatDate(pattern: string, moment: Moment): string {
  const date = localDate(moment);
  return pattern.replace(/'((?:[^']|'')*)'?|([A-Za-z])\2*/g, (run: string, quoted: string | undefined) => {
    if (quoted !== undefined) {
      if (!/^'(?:[^']|'')*'$/.test(run)) throw new CallProblem("a quote (') is not closed", 0);
      return quoted.replaceAll("''", "'");
    }
    const field = FIELDS[run];
    if (field === undefined) throw new CallProblem(`${JSON.stringify(run)} is no part of a date; put text in single quotes`, 0);
    return field(date, moment.offset);
  });
}

const UNITS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Go's durations, `1h30m`, in milliseconds. */
function parseDuration(source: string): number {
  const [, sign, parts = ''] = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+|0)$/.exec(source) ?? [];
  if (sign === undefined) throw new CallProblem(`${JSON.stringify(source)} is not a duration like 1h30m`, 1);
  let total = 0;
  for (const [, amount, unit = ''] of parts.matchAll(/([\d.]+)(ns|us|µs|ms|s|m|h)/g)) total += Number(amount) * (UNITS[unit] ?? 0);
  return sign === '-' ? -total : total;
}

function timeAdd(source: string, duration: string): string {
  const moment = parseMoment(source, 0);
  const time = moment.time + parseDuration(duration);
  if (Math.abs(time) > 8.6e15 - 1e8) throw new CallProblem('the result is out of range', 1);
  return formatMoment({ ...moment, time: Math.floor(time) });
}

export const TIME_FUNCTIONS: Readonly<Record<string, PlainFunction>> = {
  formatdate: define([text('format'), text('time')], (args) => stringValue(formatDate(textAt(args, 0), parseMoment(textAt(args, 1), 1)))),
  timeadd: define([text('timestamp'), text('duration')], (args) => stringValue(timeAdd(textAt(args, 0), textAt(args, 1)))),
};
