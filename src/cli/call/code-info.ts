// What a code means, for the formats that say so. Apart from the findings: most checks find nothing, and the table is large.
import { ALL_CODES, type CodeInfo } from '../../core/codes.ts';
import type { Diagnostic } from '../../core/diagnostic.ts';

export const infoOf = ({ code, message }: Diagnostic): CodeInfo => ALL_CODES[code] ?? { title: code, explanation: message };
