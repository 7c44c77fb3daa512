// Who a step runs as: USER resolved against /etc/passwd and /etc/group of the image, with the
// rules of Docker's runtime. Pure: the files come in as text (user-files.ts reads them).
import { TsbuildError } from '../../core/errors.ts';

export interface StepUser {
  readonly uid: number;
  readonly gid: number;
  /** All of them, the first one's too, as containerd has it. */
  readonly groups: readonly number[];
}

/** Texts of the two files; null when missing or unusable, with the reason. */
export interface UserFiles {
  readonly passwd: string | null;
  readonly group: string | null;
  /** Why a file that is there cannot be used; told when a name needed it. */
  readonly problem?: string;
}

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** Largest id the kernel interfaces of containers take. */
const MAX_ID = 2 ** 31 - 1;
/** What Go's Atoi takes, nearly: ids beyond 32 bits are numbers, too, if no valid ones. */
const NUMBER = /^[+-]?\d{1,18}$/;

const numberOf = (text: string): number | null => (NUMBER.test(text) ? Number(text) : null);
/** Fields that are no number count as 0, as in Docker. */
const idOf = (text: string | undefined): number => numberOf(text ?? '') ?? 0;

function* linesOf(text: string | null): Generator<string[]> {
  for (const line of (text ?? '').split('\n')) {
    const trimmed = line.trim();
    if (trimmed !== '') yield trimmed.split(':');
  }
}

function* passwdEntries(text: string | null): Generator<PasswdEntry> {
  for (const fields of linesOf(text)) {
    yield { name: fields[0] ?? '', uid: idOf(fields[2]), gid: idOf(fields[3]), home: fields[5] ?? '' };
  }
}

function* groupEntries(text: string | null): Generator<GroupEntry> {
  for (const fields of linesOf(text)) {
    yield { name: fields[0] ?? '', gid: idOf(fields[2]), members: (fields[3] ?? '').split(',') };
  }
}

/** Both numeric needs no file; used to avoid reading what an attacker may have planted. */
export const isNumericUser = (user: string): boolean => /^\d{1,10}:\d{1,10}$/.test(user);

/** Errors: 'exec/unknown-user', 'exec/unknown-group', 'exec/bad-user-id'. */
export function lookupUser(user: string, files: UserFiles): StepUser {
  const [userPart = '', groupPart = ''] = user.split(':');
  if (isNumericUser(user)) return withGroups(checked(Number(userPart), user), checked(Number(groupPart), user));
  const found = findPasswd(userPart, files);
  const uid = checked(found?.uid ?? Number(userPart), user);
  const gid = checked(found?.gid ?? 0, user);
  if (groupPart !== '') return withGroups(uid, findGroup(groupPart, user, files));
  if (found === undefined) return withGroups(uid, gid);
  const groups = [...groupEntries(files.group)].filter((entry) => entry.members.includes(found.name)).map((entry) => entry.gid);
  return withGroups(uid, gid, groups);
}

const withGroups = (uid: number, gid: number, others: readonly number[] = []): StepUser => ({
  uid,
  gid,
  groups: others.includes(gid) ? others : [gid, ...others],
});

function findPasswd(userPart: string, files: UserFiles): PasswdEntry | undefined {
  const wanted = numberOf(userPart);
  for (const entry of passwdEntries(files.passwd)) {
    if (userPart === '' ? entry.uid === 0 : entry.name === userPart || entry.uid === wanted) return entry;
  }
  if (userPart === '') return { name: '', uid: 0, gid: 0, home: '' };
  if (wanted !== null) return undefined;
  throw new TsbuildError({
    code: 'exec/unknown-user',
    message: `unable to find user ${userPart}: ${files.problem ?? 'no matching entries in passwd file'}`,
    hint: 'Create the user in a RUN step before USER, or use a number.',
  });
}

function findGroup(groupPart: string, user: string, files: UserFiles): number {
  const wanted = numberOf(groupPart);
  for (const entry of groupEntries(files.group)) if (entry.name === groupPart || entry.gid === wanted) return checked(entry.gid, user);
  if (wanted !== null) return checked(wanted, user);
  throw new TsbuildError({
    code: 'exec/unknown-group',
    message: `unable to find group ${groupPart}: ${files.problem ?? 'no matching entries in group file'}`,
    hint: 'Create the group in a RUN step before USER, or use a number.',
  });
}

function checked(value: number, user: string): number {
  if (Number.isInteger(value) && value >= 0 && value <= MAX_ID) return value;
  throw new TsbuildError({ code: 'exec/bad-user-id', message: `user ${JSON.stringify(user)}: ids must be between 0 and ${MAX_ID}` });
}

/** HOME for a uid: the directory in its passwd entry, be it empty, else `/` (as runc sets it). */
export function homeOf(uid: number, passwd: string | null): string {
  for (const entry of passwdEntries(passwd)) if (entry.uid === uid) return entry.home;
  return '/';
}
