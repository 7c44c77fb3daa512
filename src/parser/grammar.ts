// The grammar of a Dockerfile above its lines: comments, blank lines, and instructions with their
// heredoc bodies. What stands inside an instruction is read by instructions/*.
import { EmbeddedActionsParser, type IToken, Lexer } from 'chevrotain';
import type { HeredocBody } from './heredoc-bodies.ts';
import type { PhysicalLines } from './logical-line.ts';
import type { Escape, Range } from './mapped-text.ts';
import { Blanks, Comments, Heredocs, InstructionText, lexerTokens, VOCABULARY } from './tokens.ts';

/** Physical layout of one instruction. */
export interface InstructionLayout {
  /** From the first to the last comment line since the instruction before, if any. */
  readonly comments: Range | null;
  /** Comments that begin here or later stand right above. */
  readonly attachedFrom: number;
  readonly physical: PhysicalLines;
  readonly heredocs: readonly HeredocBody[];
}

class DockerfileGrammar extends EmbeddedActionsParser {
  readonly file: () => InstructionLayout[];

  constructor(validate: boolean) {
    super(VOCABULARY, { maxLookahead: 1, recoveryEnabled: false, skipValidations: !validate });

    this.file = this.RULE('file', () => {
      const layouts: InstructionLayout[] = [];
      let comments: Range | null = null;
      let attachedFrom = Number.POSITIVE_INFINITY;
      this.MANY(() => {
        this.OR([
          {
            ALT: () => {
              const { startOffset, image } = this.CONSUME(Comments);
              comments = { start: comments?.start ?? startOffset, end: startOffset + image.length };
              attachedFrom = Math.min(attachedFrom, startOffset);
            },
          },
          {
            ALT: () => {
              this.CONSUME(Blanks);
              attachedFrom = Number.POSITIVE_INFINITY;
            },
          },
          {
            ALT: () => {
              const text = this.CONSUME(InstructionText);
              const heredocs = this.OPTION(() => this.CONSUME(Heredocs));
              this.ACTION(() => layouts.push(layoutOf(comments, attachedFrom, text, heredocs)));
              comments = null;
              attachedFrom = Number.POSITIVE_INFINITY;
            },
          },
        ]);
      });
      return layouts;
    });

    this.performSelfAnalysis();
  }
}

const layoutOf = (comments: Range | null, attachedFrom: number, text: IToken, heredocs: IToken | undefined): InstructionLayout => ({
  comments,
  attachedFrom,
  physical: text.payload as PhysicalLines,
  heredocs: (heredocs?.payload ?? []) as readonly HeredocBody[],
});

export interface Grammar {
  /** Layout of `text`; every text has one, so nothing is thrown. */
  readLayout(text: string, escapeChar: Escape): readonly InstructionLayout[];
}

/** Builds the parser now and a lexer per escape character when it is needed; `validate` adds chevrotain's checks of the definitions (tests). */
export function createGrammar(validate = false): Grammar {
  const parser = new DockerfileGrammar(validate);
  const lexers = new Map<Escape, Lexer>();
  const lexerFor = (escapeChar: Escape): Lexer => {
    const known = lexers.get(escapeChar);
    if (known !== undefined) return known;
    const lexer = new Lexer(lexerTokens(escapeChar), { positionTracking: 'onlyOffset', skipValidations: !validate });
    lexers.set(escapeChar, lexer);
    return lexer;
  };
  return {
    readLayout(text, escapeChar) {
      parser.input = lexerFor(escapeChar).tokenize(text).tokens;
      const layout = parser.file();
      parser.input = [];
      return layout;
    },
  };
}
