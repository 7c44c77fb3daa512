// Signals that STOPSIGNAL accepts on Linux: a number or a name with or without SIG (I-12).

const NAMES = new Set(
  (
    'ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP TSTP TTIN TTOU ' +
    'URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX'
  ).split(' '),
);

/** True for what Docker's signal parser takes; real-time signals are `RTMIN+1`…`RTMIN+15`, `RTMAX-1`…`RTMAX-14`. */
export function isValidSignal(text: string): boolean {
  if (/^[-+]?\d+$/.test(text)) return Number(text) !== 0;
  const name = text.toUpperCase().replace(/^SIG/, '');
  return NAMES.has(name) || /^RTMIN\+(?:[1-9]|1[0-5])$/.test(name) || /^RTMAX-(?:[1-9]|1[0-4])$/.test(name);
}

/** For "did you mean". */
export const SIGNAL_NAMES: readonly string[] = [...NAMES].map((name) => `SIG${name}`);
