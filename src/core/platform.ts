// Platforms: `os/arch[/variant]` as BuildKit normalises them (L-02).

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly 'os.version'?: string;
  readonly 'os.features'?: readonly string[];
}
