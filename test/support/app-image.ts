// An image with everything in its config that decides how `tsbuild run` starts it.
import type { Workbench } from './cli.ts';

const DOCKERFILE = `FROM base
LABEL kind=test
ENV GREETING=hello NAME=world
RUN --network=none mkdir /work && chown nobody /work
WORKDIR /work
USER nobody
ENTRYPOINT ["sh", "-c", "echo $GREETING $NAME from $(id -un) in $(pwd): $0 $*"]
CMD ["default", "words"]
`;

/** Builds it on the image `base`, under these names; its digest is on stdout. */
export const buildApp = (bench: Workbench, ...names: string[]) =>
  bench.ok(['-q', ...names.flatMap((name) => ['-t', name]), bench.context({ Dockerfile: DOCKERFILE })]);
