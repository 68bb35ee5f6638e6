import { describe, expect, it } from 'vitest'

import { readMonitorSettings } from './settings.ts'

describe('the settings of monitors', () => {
  it('have defaults', () => {
    expect(readMonitorSettings({}, { workerEnv: {} })).toEqual({
      maxMonitors: 50,
      perWorker: 16,
      resolver: null,
      scheduleLeadTimeMs: 600_000,
      resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { cpu: '500m', memory: '512Mi' } },
      workerEnv: {},
    })
  })

  it('read durations with units and as bare seconds', () => {
    expect(readMonitorSettings({ SCHEDULE_LEAD_TIME: '5m' }, { workerEnv: {} }).scheduleLeadTimeMs).toBe(300_000)
    expect(readMonitorSettings({ SCHEDULE_LEAD_TIME: '90' }, { workerEnv: {} }).scheduleLeadTimeMs).toBe(90_000)
  })

  it("pass on a worker's tools and intervals beside what every worker needs", () => {
    const own = { YTDLP_PATH: '/opt/yt-dlp', WAITING_MODE_INITIAL_INTERVAL: '5s' }
    const workerEnv = { HTTPS_PROXY: 'http://proxy:3128' }
    const settings = readMonitorSettings({ ...own, API_KEY: 'x'.repeat(20) }, { workerEnv })
    expect(settings.workerEnv).toEqual({ ...workerEnv, ...own })
  })

  it('set what a Pod may use', () => {
    const { limits } = readMonitorSettings(
      { MONITOR_CPU_LIMIT: '2', MONITOR_MEMORY_LIMIT: '1Gi' },
      { workerEnv: {} },
    ).resources
    expect(limits).toEqual({ cpu: '2', memory: '1Gi' })
  })
})
