/** The values that a label can take, or `null` where another module defines them (routes, kinds, statuses). */
type LabelValues = Readonly<Record<string, readonly string[] | null>>

type Described<Kind, Labels> = {
  readonly kind: Kind
  readonly name: `tallylight_${string}`
  readonly help: string
  /** Few values each: never an id, an address or a text of a user. */
  readonly labels: Labels
}

export type CounterDefinition<Labels = LabelValues> = Described<'counter', Labels>
/** A gauge that this process sets. */
export type GaugeDefinition<Labels = LabelValues> = Described<'gauge', Labels>
/** A gauge that is read, from the database above all, at each scrape. */
export type SampledGaugeDefinition<Labels = LabelValues> = Described<'sampled_gauge', Labels>
export type HistogramDefinition<Labels = LabelValues> = Described<'histogram', Labels> & {
  /** Upper bounds, in the unit that the metric's name says. */
  readonly buckets: readonly number[]
}

export type MetricDefinition = CounterDefinition | GaugeDefinition | SampledGaugeDefinition | HistogramDefinition

type LabelValue<Values> = Values extends readonly (infer Value extends string)[] ? Value : string
/** The labels of one measurement. */
export type LabelsOf<Labels> = { readonly [Name in keyof Labels]: LabelValue<Labels[Name]> }

/** One value of a sampled gauge. */
export type GaugeSample = {
  readonly metric: SampledGaugeDefinition
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Records measurements. Each call takes about a microsecond, and none fails. */
export type Metrics = {
  count<Labels>(metric: CounterDefinition<Labels>, labels: LabelsOf<Labels>, by?: number): void
  observe<Labels>(metric: HistogramDefinition<Labels>, labels: LabelsOf<Labels>, value: number): void
  set<Labels>(metric: GaugeDefinition<Labels>, labels: LabelsOf<Labels>, value: number): void
  /** Returns all metrics with these samples in Prometheus' text format; `null` where this runtime records none. */
  readonly render: ((samples: readonly GaugeSample[]) => Promise<string>) | null
}
