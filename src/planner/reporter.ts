// Collects the diagnostics of one planning run. Several platforms plan the same text, so the same
// problem at the same place is kept once.

import { type CheckRule, codeOf } from '../core/check-rules.ts';
import type { Diagnostic, Label } from '../core/diagnostic.ts';
import type { Span } from '../core/span.ts';

export interface Detail {
  readonly hint?: string;
  readonly notes?: readonly string[];
  readonly labels?: readonly Label[];
}

type Mute = (rule: CheckRule) => boolean;

export class Reporter {
  readonly #found: Map<string, Diagnostic>;
  readonly #mute: Mute;
  readonly #override: Span | undefined;

  constructor(mute: Mute = () => false, override?: Span, found: Map<string, Diagnostic> = new Map()) {
    this.#mute = mute;
    this.#override = override;
    this.#found = found;
  }

  /** Into the same list, with everything placed at `span`: ONBUILD triggers have no place of their own (O-04). */
  at(span: Span): Reporter {
    return new Reporter(this.#mute, span, this.#found);
  }

  /** Into the same list, without warnings of more rules (P-12). */
  muting(mute: Mute): Reporter {
    return new Reporter((rule) => mute(rule) || this.#mute(rule), this.#override, this.#found);
  }

  error(code: Diagnostic['code'], span: Span | undefined, message: string, detail: Detail = {}): void {
    this.#add({ code, severity: 'error', message, ...(span && { span: this.#override ?? span }), ...detail });
  }

  /** A build check (section 12). */
  warn(rule: CheckRule, span: Span, message: string, detail: Detail = {}): void {
    if (!this.#mute(rule)) this.#add({ code: codeOf(rule), severity: 'warning', message, span: this.#override ?? span, ...detail });
  }

  /** In order of discovery. */
  diagnostics(): Diagnostic[] {
    return [...this.#found.values()];
  }

  hasErrors(): boolean {
    return this.diagnostics().some((diagnostic) => diagnostic.severity === 'error');
  }

  #add(diagnostic: Diagnostic): void {
    const key = `${diagnostic.code} ${diagnostic.span?.start ?? -1} ${diagnostic.message}`;
    if (!this.#found.has(key)) this.#found.set(key, diagnostic);
  }
}
