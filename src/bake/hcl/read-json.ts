// JSON with the place of every value, which JSON.parse does not tell.
import type { Span } from '../../core/span.ts';
import { syntaxProblem } from './build-nodes.ts';

export interface JsonMember {
  readonly name: string;
  readonly nameSpan: Span;
  readonly value: JsonNode;
}

export type JsonNode = { readonly span: Span } & (
  | { readonly type: 'null' }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'number'; readonly text: string }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'array'; readonly items: readonly JsonNode[] }
  | { readonly type: 'object'; readonly members: readonly JsonMember[] }
);

const DEEPEST = 200;
const BLANKS = /[ \t\r\n]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON strings may not hold them
const STRING = /"(?:[^"\\\u0000-\u001f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"/y;
const WORD = /true|false|null/y;

/** Throws BakeProblem 'bake/syntax'. */
export function readJson(text: string): JsonNode {
  const reader = new JsonReader(text);
  const node = reader.value(0);
  reader.end();
  return node;
}

class JsonReader {
  private readonly text: string;
  private at: number;

  constructor(text: string) {
    this.text = text;
    this.at = text.startsWith('\ufeff') ? 1 : 0;
  }

  private match(pattern: RegExp): string | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found === null) return null;
    this.at += found[0].length;
    return found[0];
  }

  private fail(message: string, hint?: string): never {
    throw syntaxProblem(message, { start: this.at, end: Math.min(this.at + 1, this.text.length) }, hint);
  }

  private sign(char: string): boolean {
    this.match(BLANKS);
    if (this.text[this.at] !== char) return false;
    this.at += 1;
    return true;
  }

  end(): void {
    this.match(BLANKS);
    if (this.at < this.text.length) this.fail('expected the end of the file');
  }

  value(depth: number): JsonNode {
    if (depth > DEEPEST) this.fail('the file is nested too deeply');
    this.match(BLANKS);
    const start = this.at;
    const done = (node: object): JsonNode => ({ ...node, span: { start, end: this.at } }) as JsonNode;
    if (this.sign('{')) return done({ type: 'object', members: this.members(depth) });
    if (this.sign('[')) return done({ type: 'array', items: this.items(depth) });
    const text = this.match(STRING);
    if (text !== null) return done({ type: 'string', value: JSON.parse(text) as string });
    const number = this.match(NUMBER);
    if (number !== null) return done({ type: 'number', text: number });
    const word = this.match(WORD);
    if (word === 'null') return done({ type: 'null' });
    if (word !== null) return done({ type: 'bool', value: word === 'true' });
    return this.fail(
      'expected a JSON value',
      this.text[this.at] === '"' ? 'the string is not closed, or holds a line break or a bad escape' : undefined,
    );
  }

  private members(depth: number): JsonMember[] {
    const members: JsonMember[] = [];
    if (this.sign('}')) return members;
    do {
      this.match(BLANKS);
      const start = this.at;
      const name =
        this.match(STRING) ?? this.fail('expected a name in quotes', this.text[this.at] === '}' ? 'remove the comma before it' : undefined);
      const nameSpan = { start, end: this.at };
      if (!this.sign(':')) this.fail('expected ":"');
      members.push({ name: JSON.parse(name) as string, nameSpan, value: this.value(depth + 1) });
    } while (this.sign(','));
    if (!this.sign('}')) this.fail('expected "," or "}"');
    return members;
  }

  private items(depth: number): JsonNode[] {
    const items: JsonNode[] = [];
    if (this.sign(']')) return items;
    do items.push(this.value(depth + 1));
    while (this.sign(','));
    if (!this.sign(']')) this.fail('expected "," or "]"');
    return items;
  }
}
