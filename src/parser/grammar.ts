// The grammar of a Dockerfile above its lines: comments, blank lines and instructions with their
// continuations and heredoc bodies. What stands inside an instruction is read by instructions/*.
import { EmbeddedActionsParser, type IToken, Lexer } from 'chevrotain';
import type { Escape } from './mapped-text.ts';
import { Blanks, Comments, Continued, Heredocs, Line, lexerTokens, VOCABULARY } from './tokens.ts';

/** Physical layout of one instruction. */
export interface InstructionLines {
  /** The block of comment lines right above, if any. */
  readonly comments: IToken | null;
  readonly lines: readonly IToken[];
  /** Blank lines inside the instruction (P-17). */
  readonly blanks: readonly IToken[];
  /** Its payload holds the bodies. */
  readonly heredocs: IToken | null;
}

class DockerfileGrammar extends EmbeddedActionsParser {
  readonly file: () => InstructionLines[];

  constructor(validate: boolean) {
    super(VOCABULARY, { maxLookahead: 1, recoveryEnabled: false, skipValidations: !validate });

    const instruction = this.RULE('instruction', (comments: IToken | null): InstructionLines => {
      const lines: IToken[] = [];
      const blanks: IToken[] = [];
      let heredocs: IToken | null = null;
      const lastLine = (): void => {
        lines.push(this.CONSUME(Line));
      };
      const continuedLines = (): void => {
        this.AT_LEAST_ONE(() => {
          lines.push(this.CONSUME(Continued));
          this.MANY(() => {
            this.OR1([{ ALT: () => this.CONSUME(Comments) }, { ALT: () => blanks.push(this.CONSUME(Blanks)) }]);
          });
        });
        // Missing when the file ends with a continuation (P-18).
        this.OPTION(() => {
          lines.push(this.CONSUME1(Line));
        });
      };
      this.OR([{ ALT: lastLine }, { ALT: continuedLines }]);
      this.OPTION1(() => {
        heredocs = this.CONSUME(Heredocs);
      });
      return { comments, lines, blanks, heredocs };
    });

    this.file = this.RULE('file', () => {
      const instructions: InstructionLines[] = [];
      let comments: IToken | null = null;
      this.MANY(() => {
        this.OR([
          {
            ALT: () => {
              comments = this.CONSUME(Comments);
            },
          },
          {
            ALT: () => {
              this.CONSUME(Blanks);
              comments = null;
            },
          },
          {
            ALT: () => {
              instructions.push(this.SUBRULE(instruction, { ARGS: [comments] }));
              comments = null;
            },
          },
        ]);
      });
      return instructions;
    });

    this.performSelfAnalysis();
  }
}

export interface Grammar {
  /** Layout of `text`; every text has one, so nothing is thrown. */
  readLayout(text: string, escapeChar: Escape): readonly InstructionLines[];
}

/** Builds lexers and parser; `validate` adds chevrotain's own checks of the definitions (tests). */
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
