// Work done once, when the start-up snapshot is made: the parser's tables exist then, and what a usual
// build parses and plans with has been compiled. Pure: no file, clock or random number is touched,
// because whatever this leaves behind is shared by every later process.
import type { Diagnostic } from '../core/diagnostic.ts';
import type { SourceFile } from '../core/span.ts';
import { parseDockerfile } from '../parser/parse-dockerfile.ts';
import type { PlanOptions } from '../planner/facts.ts';
import { planBuild } from '../planner/plan-build.ts';

const TEXT = `# syntax=docker/dockerfile:1
FROM scratch AS base
ARG NAME=value
ENV PATH=/bin:$PATH NAME=\${NAME:-other}
WORKDIR /app
COPY --chown=1:1 *.json "a b" ./
RUN --mount=type=cache,target=/c echo $NAME \\
  && true
RUN <<EOF
true
EOF
FROM base
COPY --from=base /app /app
LABEL a=b
USER 1
EXPOSE 80
ENV old form
VOLUME /data/$missing
HEALTHCHECK CMD true
ENTRYPOINT ["/app"]
CMD run
`;

const AMD64 = { os: 'linux', architecture: 'amd64' };

const OPTIONS: PlanOptions = {
  platforms: [AMD64],
  buildPlatform: AMD64,
  buildArgs: {},
  labels: {},
  noCache: false,
  namedContexts: {},
  network: 'default',
  allow: [],
  addHosts: [],
  ulimits: [],
};

/** One lexer for each escape character. Returns what was read, and what is wrong with it. */
export function warmUpBuild(): { readonly file: SourceFile; readonly diagnostics: readonly Diagnostic[] } {
  const read = (text: string) => {
    const file = { name: 'Dockerfile', text };
    const planned = planBuild(parseDockerfile(file).ast, OPTIONS, { images: new Map() });
    return { file, diagnostics: planned.type === 'needs' ? [] : planned.diagnostics };
  };
  read(`# escape=\`\n${TEXT.replaceAll('\\\n', '`\n')}`);
  return read(TEXT);
}
