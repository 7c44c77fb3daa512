// Text of HCL → tokens. It keeps a stack of what is open (brackets, strings, template sequences), which
// decides whether a new line means anything and what a closing brace closes. Linear in the text.
import type { IToken, TokenType } from 'chevrotain';
import type { Span } from '../../core/span.ts';
import { BakeProblem, problem } from '../problem.ts';
import * as T from './tokens.ts';

/** What is open: code in brackets, a template sequence, a quoted string, or a heredoc. */
type Frame =
  | { readonly type: 'block' | 'flat' | 'sequence'; readonly at: number }
  | { readonly type: 'quoted'; readonly at: number }
  | { readonly type: 'heredoc'; readonly at: number; readonly marker: string };

const DEEPEST = 500;
const IDENT = /[\p{ID_Start}_][\p{ID_Continue}-]*/uy;
const NUMBER = /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const BLANKS = /[ \t]+/y;
const HEREDOC = /<<(-?)([\p{ID_Start}_][\p{ID_Continue}-]*)\r?\n/uy;
const FOR_CLAUSE = /\s+[\p{ID_Start}_][\p{ID_Continue}-]*\s*(?:,|in\b)/uy;
const CONTROL_WORDS: ReadonlyMap<string, TokenType> = new Map([
  ['for', T.ControlFor],
  ['if', T.ControlIf],
  ['else', T.ControlElse],
  ['endif', T.ControlEndIf],
  ['endfor', T.ControlEndFor],
]);
const CLOSERS: Readonly<Record<string, '}' | ')' | ']'>> = { '{': '}', '(': ')', '[': ']' };
const CHAR_HINTS: Readonly<Record<string, string>> = {
  "'": 'strings are in double quotes',
  ';': 'write each argument on a line of its own',
  '`': 'write long texts as a heredoc: <<EOT … EOT',
};
const SORTED_SIGNS = [...T.SIGN_TOKENS];

export interface Scanned {
  readonly tokens: IToken[];
  /** 'bake/syntax' for everything that cannot be a token; it is left out, or closed at the end of its line. */
  readonly problems: readonly BakeProblem[];
}

/** Throws BakeProblem only for text that is nested too deeply. */
export const scanHcl = (text: string): Scanned => new Scanner(text, []).run();

/** Tokens of a text that is one template, as strings of JSON are. */
export const scanTemplate = (text: string): Scanned => new Scanner(text, [{ type: 'heredoc', at: 0, marker: '' }]).run();

class Scanner {
  private readonly text: string;
  private readonly frames: Frame[];
  private readonly tokens: IToken[] = [];
  private readonly problems: BakeProblem[] = [];
  private at = 0;

  constructor(text: string, frames: Frame[]) {
    this.text = text;
    this.frames = frames;
    if (text.startsWith('\ufeff')) this.at = 1;
  }

  run(): Scanned {
    while (this.at < this.text.length) {
      const frame = this.frames.at(-1);
      if (frame?.type === 'quoted') this.template(frame);
      else if (frame?.type === 'heredoc') this.template(frame);
      else this.code(frame);
    }
    this.reportOpen(this.frames.at(-1));
    return { tokens: this.tokens, problems: this.problems };
  }

  private reportOpen(open: Frame | undefined): void {
    if (open?.type === 'quoted') this.report({ start: open.at, end: open.at + 1 }, 'the string is not closed', 'add the closing quote');
    if (open?.type === 'heredoc' && open.marker !== '')
      this.report({ start: open.at, end: open.at + 2 }, `the heredoc is not closed`, `end it with a line that is only ${open.marker}`);
    if (open?.type === 'sequence')
      this.report(
        { start: open.at, end: open.at + 2 },
        'the template sequence is not closed',
        'add the closing brace; write $${ or %%{ for the characters themselves',
      );
  }

  private report(span: Span, message: string, hint?: string): void {
    this.problems.push(new BakeProblem(problem('bake/syntax', message, { span, ...(hint === undefined ? {} : { hint }) })));
  }

  private push(type: TokenType, end: number, payload?: unknown): void {
    this.tokens.push({
      image: this.text.slice(this.at, end),
      startOffset: this.at,
      endOffset: end - 1,
      tokenType: type,
      tokenTypeIdx: type.tokenTypeIdx ?? 0,
      payload,
    } as IToken);
    this.at = end;
  }

  private match(pattern: RegExp, from = this.at): RegExpExecArray | null {
    pattern.lastIndex = from;
    return pattern.exec(this.text);
  }

  private open(frame: Frame): void {
    const span = { start: this.at, end: this.at + 1 };
    if (this.frames.length >= DEEPEST) throw new BakeProblem(problem('bake/syntax', 'expressions are nested too deeply', { span }));
    this.frames.push(frame);
  }

  private code(frame: Frame | undefined): void {
    const char = this.text.charAt(this.at);
    if (char === ' ' || char === '\t') this.at += this.match(BLANKS)?.[0].length ?? 1;
    else if (char === '\n' || (char === '\r' && this.text[this.at + 1] === '\n')) this.newline(frame, char === '\n' ? 1 : 2);
    else if (char === '#' || (char === '/' && this.text[this.at + 1] === '/')) this.skipTo('\n');
    else if (char === '/' && this.text[this.at + 1] === '*') this.blockComment();
    else if (char === '"') {
      this.open({ type: 'quoted', at: this.at });
      this.push(T.OpenQuote, this.at + 1);
    } else if (char === '~' && frame?.type === 'sequence' && this.text[this.at + 1] === '}') this.closeSequence(2);
    else if (char === '}' && frame?.type === 'sequence') this.closeSequence(1);
    else if (!this.word() && !this.heredoc()) this.sign();
  }

  private newline(frame: Frame | undefined, length: number): void {
    if (frame === undefined || frame.type === 'block') this.push(T.Newline, this.at + length);
    else this.at += length;
  }

  private skipTo(end: string): void {
    const found = this.text.indexOf(end, this.at);
    this.at = found === -1 ? this.text.length : found;
  }

  private blockComment(): void {
    const end = this.text.indexOf('*/', this.at + 2);
    if (end === -1) this.report({ start: this.at, end: this.at + 2 }, 'the comment is not closed', 'end it with */');
    this.at = end === -1 ? this.text.length : end + 2;
  }

  private closeSequence(length: number): void {
    this.frames.pop();
    this.push(T.CloseSequence, this.at + length, length === 2);
  }

  private word(): boolean {
    const ident = this.match(IDENT);
    if (ident !== null) {
      this.push(this.wordType(ident[0]), this.at + ident[0].length);
      return true;
    }
    const number = this.match(NUMBER);
    if (number === null) return false;
    this.push(T.NumberLit, this.at + number[0].length);
    return true;
  }

  /** `for` and the words of template control are keywords only right after what opens them. */
  private wordType(word: string): TokenType {
    const before = this.tokens.at(-1)?.tokenType;
    if (before === T.OpenControl) return CONTROL_WORDS.get(word) ?? T.Ident;
    const opened = before === T.sign('[') || (before === T.sign('{') && this.frames.at(-1)?.type === 'flat');
    if (word === 'for' && opened) return T.For;
    return T.Ident;
  }

  private heredoc(): boolean {
    const match = this.match(HEREDOC);
    if (match === null) return false;
    this.open({ type: 'heredoc', at: this.at, marker: match[2] ?? '' });
    this.push(T.OpenHeredoc, this.at + match[0].length, match[1] === '-');
    return true;
  }

  private sign(): void {
    const found = SORTED_SIGNS.find(([text]) => this.text.startsWith(text, this.at));
    if (found === undefined) {
      this.unknownChar();
      return;
    }
    const [text, type] = found;
    if (text === '{') this.open({ type: this.opensFor() ? 'flat' : 'block', at: this.at });
    else if (text === '(' || text === '[') this.open({ type: 'flat', at: this.at });
    else if (text === '}' || text === ')' || text === ']') {
      const { at } = this;
      this.closeBracket(text);
      if (this.at !== at) return;
    }
    this.push(type, this.at + text.length);
  }

  private unknownChar(): void {
    const char = String.fromCodePoint(this.text.codePointAt(this.at) ?? 0);
    const quoted = char === "'" ? /^'[^'\n]*'/.exec(this.text.slice(this.at))?.[0] : undefined;
    const end = this.at + (quoted ?? char).length;
    const what = quoted === undefined ? `the character ${JSON.stringify(char)} means` : 'single quotes mean';
    this.report({ start: this.at, end }, `${what} nothing here`, CHAR_HINTS[char]);
    if (quoted === undefined) this.at = end;
    else {
      this.push(T.OpenQuote, this.at + 1);
      this.push(T.Text, end - 1);
      this.push(T.CloseQuote, end);
    }
  }

  /** Closes what it fits, and what is open inside of that: brackets that somebody forgot. */
  private closeBracket(text: '}' | ')' | ']'): void {
    for (let at = this.frames.length - 1; at >= 0; at -= 1) {
      const frame = this.frames[at];
      if (frame?.type === 'sequence') this.breakSequence(frame);
      if (frame?.type !== 'block' && frame?.type !== 'flat') return;
      if (CLOSERS[this.text[frame.at] ?? ''] !== text) continue;
      this.frames.length = at;
      return;
    }
  }

  /** `{` that begins a for-expression: then new lines inside mean nothing. */
  private opensFor(): boolean {
    let at = this.at + 1;
    while (/\s/.test(this.text.charAt(at))) at += 1;
    return this.text.startsWith('for', at) && this.match(FOR_CLAUSE, at + 3) !== null;
  }

  /** A bracket that nothing opened is behind a sequence that somebody forgot to close: the line is given up. */
  private breakSequence(frame: Frame): void {
    const end = this.text.indexOf('\n', this.at);
    if (this.frames.at(-2)?.type !== 'quoted' || this.text.slice(frame.at, this.at).includes('\n')) return;
    this.reportOpen(frame);
    this.at = end === -1 ? this.text.length : end;
    this.closeLine();
  }

  /** One token of a quoted string or heredoc: text, the begin of a sequence, or its end. */
  private template(frame: Extract<Frame, { type: 'quoted' | 'heredoc' }>): void {
    if (frame.type === 'heredoc' && this.atLineStart() && this.heredocEnd(frame.marker)) return;
    if (frame.type === 'quoted' && this.text[this.at] === '"') {
      this.frames.pop();
      this.push(T.CloseQuote, this.at + 1);
      return;
    }
    const begins = this.text.startsWith('${', this.at) ? T.OpenInterpolation : this.text.startsWith('%{', this.at) ? T.OpenControl : null;
    if (begins !== null) {
      const trims = this.text[this.at + 2] === '~';
      this.open({ type: 'sequence', at: this.at });
      this.push(begins, this.at + (trims ? 3 : 2), trims);
      return;
    }
    const from = this.at;
    const end = this.textEnd(frame.type === 'quoted');
    this.push(T.Text, end);
    if (frame.type !== 'quoted' || this.text[end] !== '\n') return;
    this.report({ start: from - 1, end }, 'a string may not go on over several lines', 'write \\n, or use a heredoc: <<EOT … EOT');
    this.closeLine();
  }

  /** Ends the string, and what was opened before it in this line, as if it had been closed. */
  private closeLine(): void {
    const start = this.text.lastIndexOf('\n', this.at - 1) + 1;
    for (let frame = this.frames.pop(); frame !== undefined; frame = this.frames.pop()) {
      if (frame.type === 'quoted') this.push(T.CloseQuote, this.at);
      else if (frame.type === 'sequence') this.push(T.CloseSequence, this.at, false);
      else this.push(T.sign(CLOSERS[this.text[frame.at] ?? ''] ?? '}'), this.at);
      if ((this.frames.at(-1)?.at ?? -1) < start) return;
    }
  }

  private atLineStart(): boolean {
    return this.text[this.at - 1] === '\n';
  }

  private heredocEnd(marker: string): boolean {
    if (marker === '') return false;
    const lineEnd = this.text.indexOf('\n', this.at);
    const line = this.text.slice(this.at, lineEnd === -1 ? this.text.length : lineEnd);
    if (line.trim() !== marker) return false;
    this.frames.pop();
    this.push(T.CloseHeredoc, this.at + line.trimEnd().length);
    return true;
  }

  /** End of literal text: quoted strings end at `"`, heredocs give one token per line. */
  private textEnd(quoted: boolean): number {
    let at = this.at;
    for (; at < this.text.length; at += 1) {
      const char = this.text[at];
      if ((char === '$' || char === '%') && this.text[at + 1] === char && this.text[at + 2] === '{') at += 2;
      else if ((char === '$' || char === '%') && this.text[at + 1] === '{') return at;
      else if (!quoted && char === '\n') return at + 1;
      else if (quoted && char === '"') return at;
      else if (quoted && char === '\\') at += 1;
      else if (quoted && char === '\n') return at;
    }
    return Math.min(at, this.text.length);
  }
}
