// The typed syntax tree. Nodes are readonly and carry exact spans into the source; text that may be
// expanded later is a Word, parsed once. Numbers like P-36 name rules of the language reference.
import type { SourceFile, Span } from '../core/span.ts';

export interface DockerfileAst {
  readonly file: SourceFile;
  readonly directives: readonly Directive[];
  readonly escape: '\\' | '`';
  /** In source order; instructions that could not be understood are 'invalid' nodes. */
  readonly instructions: readonly Instruction[];
}

export interface Directive {
  readonly name: 'syntax' | 'escape' | 'check';
  readonly value: string;
  readonly span: Span;
  readonly valueSpan: Span;
}

/** A piece of text with the place it came from. */
export interface Text {
  readonly text: string;
  readonly span: Span;
}

/** Expandable text. `raw` is the source with continuations removed, quotes and escapes still in. */
export interface Word {
  readonly span: Span;
  readonly raw: string;
  readonly parts: readonly WordPart[];
}

export type WordPart =
  /** Quotes and escapes already resolved; `quoted` parts never split (V-16, V-18). */
  | { readonly type: 'literal'; readonly text: string; readonly quoted: boolean }
  | { readonly type: 'variable'; readonly name: string; readonly span: Span; readonly quoted: boolean; readonly modifier?: Modifier }
  /** Broken substitution: an error only when the word is expanded (V-14, V-15, V-17). */
  | { readonly type: 'invalid'; readonly message: string; readonly hint?: string; readonly span: Span };

export type Modifier =
  /** `:-` `-` */
  | { readonly type: 'default'; readonly colon: boolean; readonly word: Word }
  /** `:+` `+` */
  | { readonly type: 'alternate'; readonly colon: boolean; readonly word: Word }
  /** `:?` `?` */
  | { readonly type: 'require'; readonly colon: boolean; readonly word: Word }
  /** `#` `##` `%` `%%`; the pattern's literals keep their backslashes (V-11). */
  | { readonly type: 'remove'; readonly side: 'prefix' | 'suffix'; readonly longest: boolean; readonly pattern: Word }
  /** `/` `//` */
  | { readonly type: 'replace'; readonly all: boolean; readonly pattern: Word; readonly replacement: Word };

export interface Heredoc {
  /** Name with quotes removed. */
  readonly name: string;
  /** File descriptor digits as written, '' when none. */
  readonly fd: string;
  /** False when any part of the name was quoted (P-52). */
  readonly expand: boolean;
  /** `<<-`: strip leading tabs of body lines when the body is used (P-54). */
  readonly chomp: boolean;
  /** Body as in the source, tabs still in, terminator line not included. */
  readonly content: string;
  /** Body with its expansion, for unquoted COPY/ADD documents (P-58); absent when `expand` is false or for RUN. Tabs already stripped for `<<-`. */
  readonly body?: Word;
  /** Span of the `<<NAME` word. */
  readonly span: Span;
  readonly contentSpan: Span;
}

export interface Flag<T> {
  readonly value: T;
  /** Whole `--name=value`. */
  readonly span: Span;
  readonly valueSpan: Span;
}

/** Shell form keeps its text verbatim (continuations removed); exec form is a JSON array of strings. */
export type Command =
  | { readonly form: 'shell'; readonly text: string; readonly span: Span }
  | { readonly form: 'exec'; readonly args: readonly string[]; readonly span: Span };

/** One `key=value` of --mount; `value` is absent for a bare key such as `ro`. */
export interface MountField {
  readonly key: Text;
  readonly value?: Word;
  readonly span: Span;
}

export interface Comment extends Text {
  /** No blank line stands between it and the instruction. */
  readonly attached: boolean;
}

interface Base {
  /** From the keyword to the end of the last argument or heredoc terminator. */
  readonly span: Span;
  /** The keyword as written. */
  readonly keyword: Text;
  /** Comment lines since the instruction before, without `#`, for descriptions and `check=skip` (P-12, S-04). */
  readonly comments: readonly Comment[];
  /** The instruction's text as BuildKit keeps it: continuations and comments removed, keyword and flags included. For progress names. */
  readonly original: string;
}

export interface FromInstruction extends Base {
  readonly kind: 'from';
  readonly image: Word;
  readonly platform?: Flag<Word>;
  readonly as?: { readonly keyword: Text; readonly name: Text };
}

export interface RunInstruction extends Base {
  readonly kind: 'run';
  readonly command: Command;
  readonly heredocs: readonly Heredoc[];
  readonly mounts: readonly Flag<readonly MountField[]>[];
  readonly network?: Flag<string>;
  readonly security?: Flag<string>;
  readonly devices: readonly Flag<string>[];
}

export interface CopyInstruction extends Base {
  readonly kind: 'copy' | 'add';
  readonly sources: readonly ({ readonly type: 'path'; readonly word: Word } | { readonly type: 'heredoc'; readonly heredoc: Heredoc })[];
  readonly dest: Word;
  readonly from?: Flag<string>;
  readonly chown?: Flag<Word>;
  readonly chmod?: Flag<Word>;
  readonly link?: Flag<boolean>;
  readonly parents?: Flag<boolean>;
  readonly exclude: readonly Flag<Word>[];
  readonly checksum?: Flag<Word>;
  readonly keepGitDir?: Flag<boolean>;
  readonly unpack?: Flag<boolean>;
}

export interface KeyValue {
  readonly key: Word;
  readonly value: Word;
  readonly span: Span;
}

export interface EnvInstruction extends Base {
  readonly kind: 'env' | 'label';
  readonly pairs: readonly KeyValue[];
  /** `ENV key rest of line` (P-44). */
  readonly legacy: boolean;
}

export interface ArgInstruction extends Base {
  readonly kind: 'arg';
  readonly args: readonly { readonly name: Text; readonly value?: Word; readonly span: Span }[];
}

export interface CommandInstruction extends Base {
  readonly kind: 'cmd' | 'entrypoint';
  readonly command: Command;
}

export interface ShellInstruction extends Base {
  readonly kind: 'shell';
  readonly args: readonly string[];
}

export interface HealthcheckInstruction extends Base {
  readonly kind: 'healthcheck';
  readonly check:
    | { readonly type: 'none' }
    | {
        readonly type: 'cmd';
        readonly command: Command;
        /** Nanoseconds; 0 when not given. */
        readonly interval: number;
        readonly timeout: number;
        readonly startPeriod: number;
        readonly startInterval: number;
        readonly retries: number;
      };
}

/** EXPOSE and VOLUME lists; `json` when written as a JSON array (then words are literal text but still expanded). */
export interface WordsInstruction extends Base {
  readonly kind: 'expose' | 'volume';
  readonly words: readonly Word[];
  readonly json: boolean;
}

export interface WordInstruction extends Base {
  readonly kind: 'user' | 'workdir' | 'stopsignal';
  readonly word: Word;
}

export interface MaintainerInstruction extends Base {
  readonly kind: 'maintainer';
  readonly name: Text;
}

export interface OnbuildInstruction extends Base {
  readonly kind: 'onbuild';
  /** As stored in Config.OnBuild: raw text of the trigger, heredoc bodies and terminators appended (O-01). */
  readonly trigger: Text;
}

/** Something that could not be understood; its diagnostics are already reported, later passes skip it. */
export interface InvalidInstruction extends Base {
  readonly kind: 'invalid';
}

export type Instruction =
  | FromInstruction
  | RunInstruction
  | CopyInstruction
  | EnvInstruction
  | ArgInstruction
  | CommandInstruction
  | ShellInstruction
  | HealthcheckInstruction
  | WordsInstruction
  | WordInstruction
  | MaintainerInstruction
  | OnbuildInstruction
  | InvalidInstruction;

/** The node type of a kind, also where one type serves several kinds. */
export type InstructionOf<K extends Instruction['kind'], I = Instruction> = I extends { readonly kind: infer J }
  ? K extends J
    ? I
    : never
  : never;
