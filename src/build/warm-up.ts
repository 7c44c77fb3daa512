// Work done once, when the start-up snapshot is made: the parser's tables exist then. Pure: no file, clock or random number is touched,
// because whatever this leaves behind is shared by every later process.
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

/** What is imported here is in the snapshot, as in src/cli/bundled.ts: starting the executor is what a step waits for. */
export async function warmUpBuild(): Promise<void> {
  await import('../executor/start-executor.ts');
  // There is one lexer for each escape character.
  for (const text of [`# escape=\`\n${TEXT.replaceAll('\\\n', '`\n')}`, TEXT]) {
    planBuild(parseDockerfile({ name: 'Dockerfile', text }).ast, OPTIONS, { images: new Map() });
  }
}
