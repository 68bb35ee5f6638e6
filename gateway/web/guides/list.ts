/** A guide: its name in URLs, its file in the repository, and what the index says of it. */
export type Guide = { readonly name: string; readonly path: string; readonly title: string; readonly summary: string }

/** The guides, in reading order. */
export const GUIDES: readonly Guide[] = [
  guide('monitors', 'Monitors', 'Watch live streams: API, configuration, status.'),
  guide('jobs', 'Jobs', 'Encode files: API, presets, validation, stores, chunks.'),
  guide('live', 'Live', 'Broadcast from OBS, ffmpeg or the API, watch, record; sizing.'),
  guide('accounts', 'Accounts', 'Registration, sessions, roles.'),
  guide('webhooks', 'Webhooks', 'Events and their data, signatures, retries.'),
  guide('settings', 'Settings', 'Every environment variable with its default.'),
  guide('errors', 'Errors and log messages', 'Error codes, warnings and errors of the log, and what to do.'),
  guide('operating', 'Operating', 'Start, stop, health, metrics, backups, upgrades.'),
  { ...guide('cluster', 'Cluster', 'Run gateway and workers on Kubernetes.'), path: 'k8s/README.md' },
  guide('edge', 'Edge', 'Run the gateway on Cloudflare Workers or workerd.'),
  guide('limits', 'Limits', 'What Tallylight does not do.'),
  guide('benchmarks', 'Benchmarks', 'What it costs, and how fast it is.'),
  guide('contributing', 'Contributing', 'Glossary, state diagrams, data flow, recipes.'),
]

function guide(name: string, title: string, summary: string): Guide {
  return { name, path: `gateway/docs/${name}.md`, title, summary }
}
