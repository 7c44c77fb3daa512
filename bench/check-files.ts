// Dockerfiles for measuring checks: one as people write them, 200 lines long, and one with ten thousand instructions.

/** Three stages of a usual service, with comments and long RUNs; `n` keeps repeated parts apart. */
const part = (n: number): readonly string[] => [
  `# deps${n} brings what is needed to compile part ${n}`,
  `FROM scratch AS deps${n}`,
  `ARG VERSION_${n}=1.${n}`,
  'ENV LANG=C.UTF-8 \\',
  `    PART_${n}=\${VERSION_${n}}`,
  'WORKDIR /src',
  'RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \\',
  '    apt-get update \\',
  '    && apt-get install -y --no-install-recommends \\',
  '       ca-certificates \\',
  '       curl \\',
  `       make \\`,
  '    && rm -rf /var/lib/apt/lists/*',
  'COPY package.json package-lock.json ./',
  'RUN --mount=type=cache,target=/root/.npm npm ci',
  '',
  `FROM deps${n} AS build${n}`,
  'COPY . .',
  `RUN npm run build -- --part=$PART_${n}`,
  '',
  `FROM scratch AS part${n}`,
  'LABEL org.opencontainers.image.source="https://example.com/service" \\',
  `      org.opencontainers.image.version="${n}"`,
  `COPY --from=build${n} --chown=1000:1000 /src/dist /app`,
  'USER 1000:1000',
  'EXPOSE 8080/tcp',
  'HEALTHCHECK --interval=30s CMD ["/app/health"]',
  `ENTRYPOINT ["/app/part${n}"]`,
  '',
];

/** 200 lines. */
export function usualDockerfile(): string {
  const lines = Array.from({ length: 7 }, (_, at) => part(at + 1)).flat();
  return `${lines.slice(0, 200).join('\n')}\n`;
}

/** Ten thousand instructions in 400 stages on each other, two lines of five with something to complain about. */
export function hugeDockerfile(): string {
  const lines = ['FROM scratch AS s0'];
  for (let at = 1; at < 10_000; at += 1) {
    const kinds = [`ENV K${at % 50}=v${at}`, `RUN echo ${at}`, `COPY a.txt /x${at}`, `LABEL l${at}=x`, `ENV V${at % 50} $missing`];
    lines.push(at % 25 === 0 ? `FROM s${at / 25 - 1} AS s${at / 25}` : (kinds[at % kinds.length] ?? ''));
  }
  return `${lines.join('\n')}\n`;
}
