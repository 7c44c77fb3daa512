// Values of --chown and --chmod (C-30…C-33), as far as text alone decides.

const CLAUSE = /^[ugoa]*(?:[-+=][rwxXstugo]*)+$/;

/** Octal 0…07777 or symbolic clauses as chmod(1) takes them. */
export function isChmod(text: string): boolean {
  if (/^[0-7]+$/.test(text)) return text.length < 16 && Number.parseInt(text, 8) <= 0o7777;
  return text !== '' && text.split(',').every((clause) => CLAUSE.test(clause));
}

/** Whether a user or group is a name other than `root`, which must be looked up. */
export function needsUserLookup(chown: string): boolean {
  return chown.split(':', 2).some((part) => part !== '' && part !== 'root' && !/^\d+$/.test(part));
}
