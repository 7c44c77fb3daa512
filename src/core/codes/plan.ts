import type { CodeInfo } from '../codes.ts';

/** Problems that stop a build. */
const PLAN_PROBLEMS = {
  'plan/undefined-target': {
    title: 'Undefined target',
    explanation: 'No stage has the name given with --target. Stages are named with `FROM image AS name`; numbers are not names here.',
  },
  'plan/invalid-stage-index': {
    title: 'Invalid stage index',
    explanation: 'A number after --from counts the FROM lines of the file, starting at 0. There is no stage with this number.',
  },
  'plan/stage-order': {
    title: 'Stage used before it is defined',
    explanation: 'COPY --from and RUN --mount=from can read only stages that are complete: those above the current one.',
  },
  'plan/circular-dependency': {
    title: 'Circular dependency',
    explanation:
      'Stages read each other, or a stage reads itself, so none of them can be built first. Move what both need into a stage of its own.',
  },
  'plan/blank-base': {
    title: 'Blank base image',
    explanation:
      'After expansion the FROM line names nothing. Only ARGs above the first FROM and the predefined platform ARGs can be used there.',
  },
  'plan/invalid-reference': {
    title: 'Invalid image name',
    explanation:
      'The text is neither a stage defined above nor a valid image name. Image names are lower case; stage names are compared exactly in FROM.',
  },
  'plan/invalid-platform': {
    title: 'Invalid platform',
    explanation: 'The value of --platform is empty or not of the form os/arch[/variant], for example linux/arm64.',
  },
  'plan/invalid-context': {
    title: 'Invalid named context',
    explanation: 'A context given with --build-context cannot be used as written.',
  },
  'plan/bad-substitution': {
    title: 'Bad substitution',
    explanation:
      'A variable reference cannot be expanded: a brace or quote is missing, the modifier is unknown, the pattern has an invalid escape, or the result is far too long.',
  },
  'plan/required-variable': {
    title: 'Required variable is missing',
    explanation: 'The text refers to a variable with the modifier `?` or `:?`, and it is unset or empty.',
  },
  'plan/invalid-mount': {
    title: 'Invalid mount',
    explanation:
      'A --mount of RUN has an unknown key or type, a malformed value, or options that do not fit its type. Keys are read from left to right.',
  },
  'plan/entitlement': {
    title: 'Entitlement not granted',
    explanation: 'The step asks for more than a sandbox gives. Whoever starts the build must agree with --allow.',
  },
  'plan/unsupported-device': {
    title: 'Devices are not supported',
    explanation: 'RUN --device belongs to the experimental labs syntax, which the stable Dockerfile syntax refuses as well.',
  },
  'plan/empty-command': {
    title: 'Empty command',
    explanation: 'RUN [] names no program to run. Put the program and its arguments into the array, or remove the instruction.',
  },
  'plan/unusable-text': {
    title: 'Text that no program or file can have',
    explanation:
      'A path has a NUL byte, or the command of a RUN or a variable that it sees has a NUL byte or bytes that are not UTF-8. The system would cut such text off or change it, so the step is refused. Save the file as UTF-8; if a program needs these bytes, let the command make them, for example with printf.',
  },
  'plan/invalid-chmod': {
    title: 'Invalid --chmod',
    explanation: 'The mode is an octal number from 0 to 07777 or symbolic clauses such as u=rwX,go=rX.',
  },
  'plan/chown-name': {
    title: 'Owner cannot be looked up',
    explanation:
      'Names in --chown are looked up in the destination, which is empty: the stage is built on scratch or --link is used. Give numbers instead.',
  },
  'plan/invalid-source': {
    title: 'Invalid source',
    explanation:
      'COPY takes files and directories only. ADD also takes http(s) and git URLs, whose options must not contradict each other.',
  },
  'plan/invalid-checksum': {
    title: 'Invalid --checksum',
    explanation:
      'A checksum belongs to one http(s) source (sha256:<hex>) or one git source (a commit hash), and must agree with one inside the URL.',
  },
  'plan/invalid-port': {
    title: 'Invalid port',
    explanation: 'EXPOSE takes ports from 0 to 65535 or ranges such as 8000-8010, with an optional /tcp, /udp or /sctp.',
  },
  'plan/empty-volume': {
    title: 'Empty volume',
    explanation:
      'After its variables are expanded a VOLUME path is empty. Give the variable a default, as in ${NAME:-/data}, or remove the path.',
  },
  'plan/invalid-signal': {
    title: 'Invalid signal',
    explanation: 'STOPSIGNAL takes a Linux signal name, with or without SIG, or a number other than 0.',
  },
  'plan/invalid-epoch': {
    title: 'Invalid SOURCE_DATE_EPOCH',
    explanation: 'The value is whole seconds since 1970-01-01 00:00 UTC. An empty value turns the feature off.',
  },
} as const satisfies Record<`plan/${string}`, CodeInfo>;

/** Build checks: warnings under Docker's rule names, see planner/checks/rules.ts. */
const PLAN_CHECKS = {
  'plan/stage-name-casing': {
    title: 'Stage name is not lower case',
    explanation: 'Stage names are stored in lower case, so a FROM line that repeats the capitals does not find the stage.',
  },
  'plan/from-as-casing': {
    title: 'FROM and AS differ in case',
    explanation: 'FROM and AS of one line are written in different cases. Both mean the same; write them alike.',
  },
  'plan/consistent-instruction-casing': {
    title: 'Mixed keyword case',
    explanation:
      'Most keywords of this file are written in the other case. Both mean the same; one way of writing makes the file easier to search.',
  },
  'plan/duplicate-stage-name': {
    title: 'Duplicate stage name',
    explanation:
      'Two stages have the same name. Later lines that use it get the later stage, and the earlier one can no longer be named. Rename one.',
  },
  'plan/reserved-stage-name': {
    title: 'Reserved stage name',
    explanation:
      'The names scratch (the empty image) and context (the build context) have a meaning of their own, and a stage that takes one of them misleads. Choose another name.',
  },
  'plan/json-args-recommended': {
    title: 'JSON arguments recommended',
    explanation:
      'In shell form the program runs below a shell and does not receive signals. Write a JSON array, or set SHELL to show that a shell is meant.',
  },
  'plan/maintainer-deprecated': {
    title: 'MAINTAINER is deprecated',
    explanation:
      'MAINTAINER is kept for old files only. Use LABEL org.opencontainers.image.authors=… instead, which tools can read and which can be overridden.',
  },
  'plan/undefined-arg-in-from': {
    title: 'Undeclared ARG in FROM',
    explanation: 'FROM can use only ARGs that are declared above the first FROM, and the predefined platform ARGs.',
  },
  'plan/workdir-relative-path': {
    title: 'Relative WORKDIR',
    explanation: 'The first WORKDIR is relative to the directory of the base image, which may change with the base.',
  },
  'plan/undefined-var': {
    title: 'Undefined variable',
    explanation: 'The variable is neither an ENV nor an ARG of this stage. ARGs above the first FROM must be repeated inside the stage.',
  },
  'plan/multiple-instructions-disallowed': {
    title: 'Instruction without effect',
    explanation: 'Only the last CMD, ENTRYPOINT and HEALTHCHECK of a stage counts. Remove the earlier ones, which have no effect.',
  },
  'plan/legacy-key-value-format': {
    title: 'Legacy key value format',
    explanation:
      'The old form with a blank takes the whole rest of the line as the value, quotes and all. Write key=value, with quotes around blanks.',
  },
  'plan/invalid-base-image-platform': {
    title: 'Base image of another platform',
    explanation: 'The base image does not offer the platform that is being built, so its programs may not run there.',
  },
  'plan/redundant-target-platform': {
    title: 'Redundant --platform',
    explanation: 'A stage is built for the target platform anyway, so --platform=$TARGETPLATFORM says nothing. Remove the flag.',
  },
  'plan/secrets-used-in-arg-or-env': {
    title: 'Secret in ARG or ENV',
    explanation:
      'Values of ARG and ENV stay readable in the image and its history for everybody who has it. Give secrets to the steps that need them with RUN --mount=type=secret.',
  },
  'plan/invalid-default-arg-in-from': {
    title: 'FROM needs a build argument',
    explanation: 'With the defaults alone the FROM line names no valid image. Give the ARG a default that works.',
  },
  'plan/from-platform-flag-const-disallowed': {
    title: 'Constant platform in FROM',
    explanation:
      'A fixed --platform ignores what the user asked for. Use $BUILDPLATFORM or $TARGETPLATFORM, or name the stage after the platform.',
  },
  'plan/copy-ignored-file': {
    title: 'Source is excluded from the context',
    explanation:
      'The ignore file leaves the source out of the build context, so the step finds nothing. Change the pattern, add an exception with `!`, or copy something else.',
  },
  'plan/heredoc-without-errexit': {
    title: 'Script goes on after a failure',
    explanation:
      'A heredoc of several commands succeeds when its last command does, whatever happened before. Begin it with `set -e`, or put -e into SHELL. This is advice that Docker does not give.',
  },
  'plan/apt-get-without-cleanup': {
    title: 'Package lists stay in the image',
    explanation:
      'The step installs packages and leaves the lists of apt in the layer. Remove /var/lib/apt/lists in the same step, or mount a cache there. This is advice that Docker does not give.',
  },
  'plan/secret-file-copied': {
    title: 'File that looks like a secret is copied',
    explanation:
      'A file whose name or content is usual for keys or credentials gets into a layer, where everybody who has the image can read it. Add it to the ignore file, and give it to steps with RUN --mount=type=secret. This is advice that Docker does not give.',
  },
  'plan/undeclared-build-arg': {
    title: 'Build argument that is declared nowhere',
    explanation:
      'A --build-arg has a name that no ARG of the file declares, but one declares a name that is nearly the same and was not given: the value is lost. Correct the name. This is advice that Docker does not give.',
  },
  'plan/owner-change-copies-files': {
    title: 'Changed owner or mode stores files again',
    explanation:
      'Changing the owner or mode of a file puts its whole content into the layer of the step a second time. Use COPY --chown and --chmod where the files come from. This is advice that Docker does not give.',
  },
  'plan/step-comment-ignored': {
    title: 'Comment for tsbuild is ignored',
    explanation:
      'Comments that begin with `tsbuild:` say how long the record of the RUN below them counts (`# tsbuild:ttl=24h`) and which of its secrets belong to its cache key (`# tsbuild:secret-key=ID`). This one has another name, a value that cannot be understood, or stands above something else. Docker sees nothing but a comment.',
  },
  'plan/expose-proto-casing': {
    title: 'Protocol is not lower case',
    explanation: 'EXPOSE takes any case, but the image holds the protocol as tcp, udp or sctp. Write it like that.',
  },
  'plan/expose-invalid-format': {
    title: 'EXPOSE with address or host port',
    explanation: 'EXPOSE describes ports of the container only; addresses and host ports are ignored.',
  },
  'plan/invalid-definition-description': {
    title: 'Comment does not describe the definition',
    explanation: 'A comment directly above ARG or FROM should start with the name it describes, or be separated by a blank line.',
  },
} as const satisfies Record<`plan/${string}`, CodeInfo>;

export const PLAN_DIAGNOSTICS = { ...PLAN_PROBLEMS, ...PLAN_CHECKS };

export const PLAN_ERRORS = {} as const satisfies Record<`plan/${string}`, CodeInfo>;
