// The requests and answers of Adjoint, written by `python -m docs.generate` from its OpenAPI document.

/** One number of a claimed adjoint; where all assignments were claimed, the index has theirs first. */
export interface Adjoint {
  claimed: number | NonFinite;
  expected: number | NonFinite;
  abs_error: number | NonFinite;
  rel_error: number | NonFinite;
  ulp_error: number | NonFinite;
  ok: boolean;
  name: string;
  index: number[];
}

export type ArrayValue = number | boolean | NonFinite | ArrayValue[] | Packed;

/** A question about a gradient, and what the client got for it. */
export interface CheckQuestion {
  /** One expression; `^` and `**` are power. */
  expr?: string | null;
  /**
   * Statements that end with `return`, or functions (`def`), of which the last is asked about and has the inputs as its
   * parameters; with `return a, b` or `return {"name": a}` there are several results.
   */
  program?: string | null;
  /** The id or name of a stored function: `/functions`. */
  function?: string | null;
  /**
   * The id or name of a stored model: its loss where `at` has `y`, else its prediction, for examples along the first
   * axis of `x`. Its parameters are those of a version, unless `at` names them, and are what is differentiated unless
   * `wrt` is given.
   */
  model?: string | null;
  /** With `model`: the version of its parameters; the newest if absent. */
  version?: number | null;
  /** With `model`: as in training, with the statistics of the batch, and with what is drawn. */
  training?: boolean | null;
  /** With `training`: what is drawn depends on it; 0 if absent. */
  seed?: number | null;
  /** The inputs by name. */
  at?: { [name: string]: ArrayValue } | null;
  /** What to differentiate with respect to: a name or a list of names; every real input if absent. */
  wrt?: string | string[] | null;
  /** `true`, or the inputs whose first axis runs over points: one answer per point, stacked. */
  batch?: boolean | string[] | null;
  /** How arrays are written in the answer: `json`, nested lists, unless `base64` is asked for. */
  encoding?: "json" | "base64" | null;
  /**
   * `auto` if absent: float64, and where the answer is not finite, singular, on a kink, or estimated to have fewer than
   * 8 right digits, computed again in the precision that it needs and rounded once. `float64`: never. `exact`: always.
   */
  precision?: "auto" | "float64" | "exact" | null;
  /** `true` asks how many digits of every number are right. */
  digits?: boolean | null;
  /** `true` asks for the report of the witnesses too. */
  check?: boolean | null;
  claimed?: Claim | null;
  /** Without it, the tolerance follows from the precision and the conditioning of the problem. */
  tolerance?: number | ToleranceAsked | null;
}

/** The claimed value next to what it should be; in a batch, the worst one. */
export interface CheckedValue {
  claimed: number | NonFinite;
  expected: number | NonFinite;
  abs_error: number | NonFinite;
  rel_error: number | NonFinite;
  ulp_error: number | NonFinite;
  ok: boolean;
}

/** What the client's own code says at the point. */
export interface Claim {
  /** The value; one per point in a batch. */
  value?: ArrayValue | null;
  /** Components by input; inputs may be left out. */
  grad?: { [name: string]: ArrayValue } | null;
  /**
   * Derivatives of the result in what a program assigns, by name: of the last assignment, or with one axis more of all
   * of them in their order.
   */
  adjoints?: { [name: string]: ArrayValue } | null;
  /** What the client's code computes in. */
  precision?: "float64" | "float32";
}

/** What the client's own code says. */
export interface Claimed {
  /** The gradient at the point, in the form of `x`. */
  grad: ArrayValue | { [name: string]: ArrayValue };
  /** The value at the point. */
  value?: number | NonFinite | null;
}

export type ClassWeights = "balanced" | { [name: string]: number };

/** How gradients are cut: by the norm of all of them together, or by value. */
export interface Clip {
  /** The largest norm. */
  norm?: number | null;
  /** Added to the norm that is divided by; 1e-6 if absent. */
  eps?: number | null;
  /** The largest size of a component; not with `norm`. */
  value?: number | null;
}

/** One number of the claim next to what it should be; NaN where there is nothing to compare. */
export interface Component {
  claimed: number | NonFinite;
  expected: number | NonFinite;
  abs_error: number | NonFinite;
  rel_error: number | NonFinite;
  ulp_error: number | NonFinite;
  ok: boolean;
  input: string;
  index: number[];
}

/**
 * The entries of a matrix, row by row; what is not listed is 0 wherever the function is evaluated.
 *
 * `row` is the flat index (row-major) into what is differentiated, `column` that into the input, and `shape` says how
 * many elements both have. With a batch, `value` has the axis over the points first; the rest is the same for all.
 */
export interface Coo {
  shape: [number, number];
  row: ArrayValue;
  column: ArrayValue;
  value: ArrayValue;
}

/** A dataset. */
export interface Dataset {
  /** Follows from the columns: the same ones have the same id, whatever file they came in. */
  id: string;
  name: string | null;
  /** What its arrays take. */
  bytes: number;
  /** null where arrays have different numbers of them. */
  rows: number | null;
  /** ISO 8601, UTC. */
  created: string;
  links: DatasetLinks;
  columns: DatasetColumn[];
}

/** A column of a dataset, and what is in it. Numbers that are missing count in none of the others. */
export interface DatasetColumn {
  name: string;
  /** What the file calls it, where that is no name; it can be asked for. */
  header?: string | null;
  /** Texts are `int64`: their places among the labels. */
  dtype: "float64" | "int64" | "bool";
  rows: number;
  /** Of one row; `[]` where that is one number. */
  shape: number[];
  /** How many numbers are NaN, empty fields of a CSV file among them. */
  missing?: number | null;
  min?: number | NonFinite | null | boolean;
  max?: number | NonFinite | null | boolean;
  mean?: number | NonFinite | null;
  /** The texts of a column of texts, sorted. */
  labels?: string[] | null;
}

/** Addresses that belong to a dataset. */
export interface DatasetLinks {
  self: string;
  data: string;
}

/** Some rows of a dataset. */
export interface DatasetRows {
  id: string;
  /** The first of these rows, counted from 0. */
  offset: number;
  /** An array for each column, as they were named. */
  columns: { [name: string]: ArrayValue };
  /** What to send as `offset` for the rows that follow; null after the last one. */
  next: number | null;
}

/** A page of datasets, the oldest first. */
export interface Datasets {
  datasets: ShortDataset[];
  /** What to send as `after` for the next page; null on the last one. */
  next: string | null;
}

/** The type of an input; a field left out means float64, and one number. */
export interface DeclaredInput {
  /** float64 if absent; an input used as an index or a size is int64. */
  dtype?: "float64" | "int64" | "bool" | null;
  /** `[]`, one number, if absent. */
  shape?: number[] | null;
}

export type DeclaredInputs = { [name: string]: DeclaredInput } | NamedInput[];

export type DigitsValue = number | NonFinite | DigitsValue[];

/** Random starts, uniform between two ends. */
export interface DrawnStarts {
  count: number;
  /** For all, or by name. */
  low: ArrayValue | { [name: string]: ArrayValue };
  high: ArrayValue | { [name: string]: ArrayValue };
  /** That of the job, if absent. */
  seed?: number | null;
}

/** An expression that works, and inputs for it. */
export interface Example {
  expr: string;
  at: { [name: string]: ArrayValue };
}

/** One thing that is wrong in a request. */
export interface Fault {
  /** A JSON Pointer (RFC 6901) into the request. */
  pointer: string;
  detail: string;
}

/** The wrong adjoint that comes first from the result backwards, and the assignment that it is about. */
export interface FirstWrong {
  name: string;
  span: Span | null;
  detail: string;
}

/** A stored function. */
export interface Function {
  /** Follows from the content: the same content has the same id, on every server. */
  id: string;
  name: string | null;
  /** Its text, where that is an expression. */
  expr?: string | null;
  /** Its text, where that is a program. */
  program?: string | null;
  /** Those that questions give, then those that are bound. */
  inputs: FunctionInput[];
  /** Known where all inputs are declared or bound. */
  outputs: FunctionOutput[] | null;
  data: { [name: string]: FunctionData };
  /** ISO 8601, UTC. */
  created: string;
  links: FunctionLinks;
}

/** An array that is bound to a function; its bytes where they were asked for. */
export interface FunctionData {
  dtype: "float64" | "int64" | "bool";
  shape: number[];
  /** With `data=true`: little-endian, in C order. */
  base64?: string | null;
}

/** A function to store: exactly one of `expr` and `program`. A field that is null counts as not given. */
export interface FunctionDefinition {
  /** One expression; `^` and `**` are power. */
  expr?: string | null;
  /**
   * Statements that end with `return`, or functions (`def`), of which the last is asked about and has the inputs as its
   * parameters; with `return a, b` or `return {"name": a}` there are several results.
   */
  program?: string | null;
  /** What to call it: letters, digits, `_`, `-` and `.`; no two functions have the same name. */
  name?: string | null;
  /** The types of inputs that questions give, by name or as a list. Their order counts. */
  inputs?: DeclaredInputs | null;
  /** Inputs that are kept with the function and not given by questions. */
  data?: { [name: string]: ArrayValue } | null;
}

/** An input of a stored function; what is not known is null. */
export interface FunctionInput {
  name: string;
  dtype: "float64" | "int64" | "bool" | null;
  shape: number[] | null;
  /**
   * Where it is known from; `text`: the text mentions it, and nothing was declared; `default`: so too, and it has a
   * value where a question gives none.
   */
  source: "declared" | "data" | "text" | "default";
}

/** Addresses that belong to a function. */
export interface FunctionLinks {
  self: string;
}

/** The type of an output. */
export interface FunctionOutput {
  /** What a program calls it, in the order of its `return`. */
  name?: string | null;
  dtype: "float64" | "int64" | "bool";
  shape: number[];
}

/** A page of stored functions, the oldest first. */
export interface Functions {
  functions: Function[];
  /** What to send as `after` for the next page; null on the last one. */
  next: string | null;
}

/** The value of a function at a point and its gradient, by input. */
export interface GradAnswer {
  /** With `check`: the report, as `/check` answers it. */
  check?: Report | null;
  value: ArrayValue;
  grad: { [name: string]: ArrayValue };
  /** With `digits`: the estimated right decimal digits, arranged as the answer is. */
  digits?: GradDigits | null;
  warnings: Warning[];
}

/** The right digits of an answer of `/grad`. */
export interface GradDigits {
  value: DigitsValue | { [name: string]: DigitsValue };
  grad: { [name: string]: DigitsValue };
}

/** How the service is. */
export interface Health {
  status: string;
}

/** The value of a scalar function at a point, its gradient, and its second derivatives by input and input. */
export interface HessianAnswer {
  /** With `check`: the report, as `/check` answers it. */
  check?: Report | null;
  value: ArrayValue;
  grad: { [name: string]: ArrayValue };
  hessian: { [name: string]: { [name: string]: ArrayValue | Coo } };
  /** With `coo`: how many directions had to be pushed or pulled through the function for all entries. */
  passes?: number | null;
  /** With `digits`: the estimated right decimal digits, arranged as the answer is. */
  digits?: HessianDigits | null;
  warnings: Warning[];
}

/** The right digits of an answer of `/hessian`. */
export interface HessianDigits {
  value: DigitsValue | { [name: string]: DigitsValue };
  grad: { [name: string]: DigitsValue };
  hessian: { [name: string]: { [name: string]: DigitsValue | Coo } };
}

/**
 * The value of a function at a point, its gradient, and the product of its Hessian with a vector.
 *
 * With a cotangent, gradient and Hessian are those of the sum of the results with these weights.
 */
export interface HvpAnswer {
  /** With `check`: the report, as `/check` answers it. */
  check?: Report | null;
  /** The value; of several results a list with one entry for each, of results with names an object by name. */
  value: ArrayValue | { [name: string]: ArrayValue };
  grad: { [name: string]: ArrayValue };
  hvp: { [name: string]: ArrayValue };
  /** With `digits`: the estimated right decimal digits, arranged as the answer is. */
  digits?: HvpDigits | null;
  warnings: Warning[];
}

/** The right digits of an answer of `/hvp`. */
export interface HvpDigits {
  value: DigitsValue | { [name: string]: DigitsValue };
  grad: { [name: string]: DigitsValue };
  hvp: { [name: string]: DigitsValue };
}

/**
 * A question with a vector, or several: arrays by input, of the shape of the input.
 *
 * The result has to be one number, unless a cotangent says how its elements are weighted.
 */
export interface HvpQuestion {
  /** One expression; `^` and `**` are power. */
  expr?: string | null;
  /**
   * Statements that end with `return`, or functions (`def`), of which the last is asked about and has the inputs as its
   * parameters; with `return a, b` or `return {"name": a}` there are several results.
   */
  program?: string | null;
  /** The id or name of a stored function: `/functions`. */
  function?: string | null;
  /**
   * The id or name of a stored model: its loss where `at` has `y`, else its prediction, for examples along the first
   * axis of `x`. Its parameters are those of a version, unless `at` names them, and are what is differentiated unless
   * `wrt` is given.
   */
  model?: string | null;
  /** With `model`: the version of its parameters; the newest if absent. */
  version?: number | null;
  /** With `model`: as in training, with the statistics of the batch, and with what is drawn. */
  training?: boolean | null;
  /** With `training`: what is drawn depends on it; 0 if absent. */
  seed?: number | null;
  /** The inputs by name. */
  at?: { [name: string]: ArrayValue } | null;
  /** What to differentiate with respect to: a name or a list of names; every real input if absent. */
  wrt?: string | string[] | null;
  /** `true`, or the inputs whose first axis runs over points: one answer per point, stacked. */
  batch?: boolean | string[] | null;
  /** How arrays are written in the answer: `json`, nested lists, unless `base64` is asked for. */
  encoding?: "json" | "base64" | null;
  /**
   * `auto` if absent: float64, and where the answer is not finite, singular, on a kink, or estimated to have fewer than
   * 8 right digits, computed again in the precision that it needs and rounded once. `float64`: never. `exact`: always.
   */
  precision?: "auto" | "float64" | "exact" | null;
  /** `true` asks how many digits of every number are right. */
  digits?: boolean | null;
  /** `true` asks for the report of the witnesses too. */
  check?: boolean | null;
  vector?: { [name: string]: ArrayValue } | null;
  /** Several at once, instead of `vector`. */
  vectors?: { [name: string]: ArrayValue }[] | null;
  /**
   * Weights of the results, of their shape; what is differentiated twice is the weighted sum. For several results, a
   * list with one array for each; for results with names, an object by name too, in which those left out count as 0.
   */
  cotangent?: ArrayValue | { [name: string]: ArrayValue } | null;
}

/** A mistake that explains the mismatch. */
export interface Hypothesis {
  kind: "sign" | "factor" | "mean-instead-of-sum" | "transposed" | "permuted" | "missing-reduction" | "missing-chain-factor" | "last-use-only" | "degrees" | "other-point" | "float32";
  detail: string;
  /** What it leaves unexplained, relative to the largest component claimed. */
  residual: number | NonFinite;
  inputs: string[];
  span?: Span | null;
}

/** The value of a function at a point and its derivative, by input. */
export interface JacobianAnswer {
  /** With `check`: the report, as `/check` answers it. */
  check?: Report | null;
  /** The value; of several results a list with one entry for each, of results with names an object by name. */
  value: ArrayValue | { [name: string]: ArrayValue };
  /**
   * By input: the shape of the result, then that of the input; of several results one for each, arranged as the value
   * is.
   */
  jacobian: { [name: string]: ArrayValue | Coo | Coo[] | { [name: string]: ArrayValue | Coo } };
  /** The mode in which it was computed. */
  mode: "forward" | "reverse" | "mixed";
  /** With `coo`: how many directions had to be pushed or pulled through the function for all entries. */
  passes?: number | null;
  /** With `digits`: the estimated right decimal digits, arranged as the answer is. */
  digits?: JacobianDigits | null;
  warnings: Warning[];
}

/** The right digits of an answer of `/jacobian`. */
export interface JacobianDigits {
  value: DigitsValue | { [name: string]: DigitsValue };
  jacobian: { [name: string]: DigitsValue | Coo | Coo[] | { [name: string]: DigitsValue | Coo } };
}

/** A job. */
export interface Job {
  id: string;
  state: "queued" | "running" | "succeeded" | "failed" | "cancelled";
  /** ISO 8601, UTC. */
  created: string;
  started: string | null;
  finished: string | null;
  /** How often it was started: more than once where a worker was lost. */
  attempts: number;
  /** A cancel was asked for, and the computation has not stopped yet. */
  cancelling: boolean;
  /** How many jobs wait before it, while it waits. */
  queue_position: number | null;
  progress: JobProgress;
  result: JobResult | null;
  /** Why it failed. */
  error: ProblemModel | null;
  /** The beginning of its text. */
  objective: { [name: string]: string };
  direction: "minimize" | "maximize";
  /** With all of its options. */
  method: { [name: string]: unknown };
  /** Why it has this method, where none was named. */
  why: string | null;
  schedule: { [name: string]: unknown } | null;
  clip: { [name: string]: unknown } | null;
  /** Their shapes. */
  variables: { [name: string]: number[] };
  bounds: boolean;
  starts: number;
  stop: { [name: string]: unknown };
  /** With `columns` of a model: what its history has beside the others. */
  record: { [name: string]: unknown };
  /** Of a model. */
  training?: JobTraining | null;
  story: JobEntry[];
  links: JobLinks;
}

/** Something that happened to a job. */
export interface JobEntry {
  at: string;
  event: string;
  detail: string;
}

/**
 * A page of a history by columns.
 *
 * That of a model has more of them: `epoch`; at the end of each epoch and null elsewhere `epoch_value`,
 * `validation_value` and metrics; and for every layer `grad_norm.NAME` and `update_ratio.NAME`.
 */
export interface JobHistory {
  index: number[];
  /** Where there are several starts. */
  start?: number[] | null;
  step: number[];
  value: (number | NonFinite)[];
  grad_norm?: (number | NonFinite)[] | null;
  /** Of the step that led here; the damping, radius or step length of a second-order method. */
  learning_rate: (number | NonFinite | null)[];
  variables?: { [name: string]: ArrayValue } | null;
  /** What to send as `after` for what comes next; null when nothing will. */
  next: number | null;
}

/** The last point of a start. */
export interface JobLast {
  step: number;
  value: number | NonFinite | null;
  grad_norm?: number | NonFinite | null;
  variables?: { [name: string]: ArrayValue } | null;
  /** Of a model. */
  epoch?: number | null;
  /** Of a model. */
  scores?: TrainingScores | null;
}

/** Addresses that belong to a job. */
export interface JobLinks {
  self: string;
  history: string;
  events: string;
  cancel: string;
}

/** A method with options; those left out have their defaults. */
export interface JobMethod {
  /**
   * One of `sgd`, `momentum`, `nesterov`, `adagrad`, `rmsprop`, `adadelta`, `adam`, `adamw`, `nadam`, `amsgrad`,
   * `lion`, `lbfgs`, `newton-cg`, `trust-region`, `gauss-newton`, `levenberg-marquardt`.
   */
  name: string;
}

/** How far a job is, as of the last time its worker told; `rows` is the length of the history. */
export interface JobProgress {
  step: number;
  max_steps: number;
  value: number | NonFinite | null;
  best: number | NonFinite | null;
  rows: number;
  /** What was noticed of the gradients of a model. */
  remarks?: TrainingRemark[];
}

/** What the history keeps. */
export interface JobRecord {
  /** One step of so many, and the last; if absent, as many as fit. */
  every?: number | null;
  /** The norms of the gradients; true if absent. */
  grad_norm?: boolean | null;
  /** The variables themselves; false if absent. */
  variables?: boolean | null;
}

/**
 * What to minimise, from where, and how. Exactly one of `expr`, `program`, `function` and `model` is there.
 *
 * With a model, its loss on the data is minimised by mini-batches; `start`, `direction`, `bounds`, `starts` and
 * `precision` are not for models, and the fields from `version` on are for nothing else.
 */
export interface JobRequest {
  /** The objective as an expression, of one real number. */
  expr?: string | null;
  /**
   * Statements that end with `return`, or functions (`def`), of which the last is asked about and has the inputs as its
   * parameters; with `return a, b` or `return {"name": a}` there are several results.
   */
  program?: string | null;
  /** The id or name of a stored function. */
  function?: string | null;
  /** The id or name of a stored model, which is trained. */
  model?: string | null;
  /** The variables, and where they start. */
  start?: { [name: string]: ArrayValue } | null;
  /** Inputs that stay fixed; for a model, its examples or the columns of a dataset. */
  data?: { [name: string]: ArrayValue } | TrainingData | null;
  /** `minimize` if absent. */
  direction?: "minimize" | "maximize" | null;
  /** A name, or a name with options; `auto` if absent, and the choice is told. */
  method?: string | JobMethod | null;
  /** How the learning rate changes; for first-order methods. */
  schedule?: string | JobSchedule | null;
  /** How gradients are clipped; for first-order methods. */
  clip?: Clip | null;
  /** `[low, high]` by variable, null for none. */
  bounds?: { [name: string]: unknown[] } | null;
  /** When the run ends. */
  stop?: JobStop | null;
  /** What the history keeps. */
  record?: JobRecord | null;
  /** Several starts: a list, or random ones, of which `start` is then the first. */
  starts?: Starts | null;
  /** Everything random is drawn from it; 0 if absent. */
  seed?: number | null;
  /** `exact`: every point in as many digits as it takes. Otherwise, and if absent, in float64. */
  precision?: "auto" | "float64" | "exact" | null;
  /** The version of the parameters to begin with; if absent, they are drawn. */
  version?: number | null;
  /** Examples to validate with, or the part of the data that is set apart for it. */
  validation?: TrainingValidation | null;
  /** How often all examples are gone through; 10 if absent. */
  epochs?: number | null;
  /** Examples in one step; 32 if absent. */
  batch_size?: number | "all" | null;
  /** Every epoch has an order of its own; true if absent. */
  shuffle?: boolean | null;
  /** Several runs side by side, each with parameters of its own: seeds, or how many. */
  seeds?: TrainingSeeds | null;
  /** What is measured beside the loss; `accuracy` for models of classes, if absent. */
  metrics?: (string | TrainingMetric)[] | null;
  /** What the examples of each class count, by its number; 1 for those left out. */
  class_weight?: ClassWeights | null;
  /** After how many epochs without improvement it ends. */
  early_stopping?: boolean | number | TrainingEarlyStopping | null;
  /** Which parameters become the new version: after which epoch; `best` if absent. */
  keep?: "best" | "last" | null;
  /** Search for a learning rate instead, and leave the model as it is. */
  find_learning_rate?: boolean | LearningRateSearch | null;
}

/** What a job has found: the best point of the best start. */
export interface JobResult {
  value: number | NonFinite | null;
  grad_norm: number | NonFinite | null;
  /** After so many steps. */
  step: number;
  /** Steps in all. */
  steps: number;
  /** Why it ended. */
  stop_reason: "converged" | "target" | "max-steps" | "max-seconds" | "patience" | "diverged" | "cancelled" | null;
  /** The same in a sentence. */
  message: string;
  /** Steps at which the method had to begin anew, because a worker was lost. */
  restarts: number[];
  /** Left out in lists of jobs. */
  variables?: { [name: string]: ArrayValue } | null;
  /** The last point; of a model, at the end of the last epoch. */
  last: JobLast | null;
  /** Of a model: the seed of the run. */
  seed?: number | null;
  /** Of a model: after so many epochs. */
  epoch?: number | null;
  /** Of a model: what was measured at the end of that epoch. */
  scores?: TrainingScores | null;
  /** What is to be said of that point. */
  warnings: Warning[];
  /** Of several starts, the one that found it. */
  start?: number | null;
  starts?: JobStart[] | null;
  /** The id of the model that was trained. */
  model?: string | null;
  /** The version of its parameters that this has made, if it has. */
  version?: number | null;
  /** What was noticed of the gradients of a model. */
  remarks?: TrainingRemark[] | null;
  /** Of a training: the loss of the parameters that are kept on all examples, without dropout. */
  training_value?: number | NonFinite | null;
  /** Of a search; null where the loss never fell. */
  suggested_learning_rate?: number | null;
}

/** A schedule of the learning rate, with options. */
export interface JobSchedule {
  /** One of `constant`, `step`, `exponential`, `cosine`, `warmup`, `one-cycle`, `reduce-on-plateau`. */
  name: string;
}

/** What one start has found: its best point. */
export interface JobStart {
  value: number | NonFinite | null;
  grad_norm: number | NonFinite | null;
  /** After so many steps. */
  step: number;
  /** Steps in all. */
  steps: number;
  /** Why it ended. */
  stop_reason: "converged" | "target" | "max-steps" | "max-seconds" | "patience" | "diverged" | "cancelled" | null;
  /** The same in a sentence. */
  message: string;
  /** Steps at which the method had to begin anew, because a worker was lost. */
  restarts: number[];
  /** Left out in lists of jobs. */
  variables?: { [name: string]: ArrayValue } | null;
  /** The last point; of a model, at the end of the last epoch. */
  last: JobLast | null;
  /** Of a model: the seed of the run. */
  seed?: number | null;
  /** Of a model: after so many epochs. */
  epoch?: number | null;
  /** Of a model: what was measured at the end of that epoch. */
  scores?: TrainingScores | null;
}

/** When the run ends: at the first of these that is met. Those left out are not looked at. */
export interface JobStop {
  /** 1000 if absent. */
  max_steps?: number | null;
  /** All attempts together. */
  max_seconds?: number | null;
  /** The norm of the gradient is at most this; 1e-8 if absent, 0 for second-order methods. */
  grad_norm?: number | null;
  /** A step changes the value by at most this part. */
  relative_change?: number | null;
  /** The value is as good as this. */
  target?: number | null;
  /** So many steps in a row have not improved the best value. */
  patience?: number | null;
}

/** How a model is trained, with all defaults. */
export interface JobTraining {
  epochs: number;
  steps_per_epoch: number;
  /** Of all batches but the last of an epoch, which may be smaller. */
  batch_size: number;
  /** To train on. */
  examples: number;
  /** To validate with; 0 for none. */
  validation_examples: number;
  shuffle: boolean;
  seed: number;
  /** The seeds of the runs, which are the starts of the job. */
  seeds: number[];
  metrics: string[];
  class_weight: unknown;
  early_stopping: TrainingEarlyStopping | null;
  keep: "best" | "last";
  /** What is best where it is lowest. */
  monitor: "validation_value" | "epoch_value";
  find_learning_rate: LearningRateSearch | null;
}

/** A page of jobs, the newest first, without variables. */
export interface Jobs {
  jobs: Job[];
  /** What to send as `after` for the next page; null on the last one. */
  next: string | null;
}

/** The value of a function at a point and its directional derivative, one per tangent if there were several. */
export interface JvpAnswer {
  /** With `check`: the report, as `/check` answers it. */
  check?: Report | null;
  /** The value; of several results a list with one entry for each, of results with names an object by name. */
  value: ArrayValue | { [name: string]: ArrayValue };
  /** Arranged as the value is. */
  jvp: ArrayValue | { [name: string]: ArrayValue };
  /** With `digits`: the estimated right decimal digits, arranged as the answer is. */
  digits?: JvpDigits | null;
  warnings: Warning[];
}

/** The right digits of an answer of `/jvp`. */
export interface JvpDigits {
  value: DigitsValue | { [name: string]: DigitsValue };
  jvp: DigitsValue | { [name: string]: DigitsValue };
}

/** A question with a tangent, or several: arrays by input, of its shape. Inputs left out do not move. */
export interface JvpQuestion {
  /** One expression; `^` and `**` are power. */
  expr?: string | null;
  /**
   * Statements that end with `return`, or functions (`def`), of which the last is asked about and has the inputs as its
   * parameters; with `return a, b` or `return {"name": a}` there are several results.
   */
  program?: string | null;
  /** The id or name of a stored function: `/functions`. */
  function?: string | null;
  /**
   * The id or name of a stored model: its loss where `at` has `y`, else its prediction, for examples along the first
   * axis of `x`. Its parameters are those of a version, unless `at` names them, and are what is differentiated unless
   * `wrt` is given.
   */
  model?: string | null;
  /** With `model`: the version of its parameters; the newest if absent. */
  version?: number | null;
  /** With `model`: as in training, with the statistics of the batch, and with what is drawn. */
  training?: boolean | null;
  /** With `training`: what is drawn depends on it; 0 if absent. */
  seed?: number | null;
  /** The inputs by name. */
  at?: { [name: string]: ArrayValue } | null;
  /** What to differentiate with respect to: a name or a list of names; every real input if absent. */
  wrt?: string | string[] | null;
  /** `true`, or the inputs whose first axis runs over points: one answer per point, stacked. */
  batch?: boolean | string[] | null;
  /** How arrays are written in the answer: `json`, nested lists, unless `base64` is asked for. */
  encoding?: "json" | "base64" | null;
  /**
   * `auto` if absent: float64, and where the answer is not finite, singular, on a kink, or estimated to have fewer than
   * 8 right digits, computed again in the precision that it needs and rounded once. `float64`: never. `exact`: always.
   */
  precision?: "auto" | "float64" | "exact" | null;
  /** `true` asks how many digits of every number are right. */
  digits?: boolean | null;
  /** `true` asks for the report of the witnesses too. */
  check?: boolean | null;
  tangent?: { [name: string]: ArrayValue } | null;
  /** Several at once, instead of `tangent`. */
  tangents?: { [name: string]: ArrayValue }[] | null;
}

/** A search for a learning rate: each step has a rate that is greater by the same factor. */
export interface LearningRateSearch {
  /** 1e-7 if absent. */
  low?: number | null;
  /** 10 if absent. */
  high?: number | null;
  /** 100 if absent. */
  steps?: number | null;
}

/** A limit that was passed; `/limits` tells all of them. */
export interface Limit {
  name: string;
  value: number;
  given?: number | NonFinite | null;
}

/** The limits of this server. */
export interface Limits {
  /** Longest source text, in characters. */
  source_chars: number;
  /** Longest name, in characters. */
  name_chars: number;
  /** Deepest nesting of a source text. */
  nesting: number;
  /** How deep a function of a program may call itself while it is compiled. */
  recursion: number;
  /** How deep loops of a program may be nested. */
  loop_nesting: number;
  /** Steps of a loop that are written out where it cannot stay a loop. */
  unrolled_steps: number;
  /** Operations in one compiled question. */
  nodes: number;
  /** Largest single array. */
  array_bytes: number;
  /** Memory that one computation may hold at a time. */
  run_bytes: number;
  /** The deadline: seconds that one question may take, waiting included. */
  run_seconds: number;
  /** What of the deadline may be spent on computing an answer again in high precision. */
  escalation_seconds: number;
  /** Steps of an optimiser that are checked at once. */
  check_steps: number;
  /** Random points in one set of golden vectors. */
  vectors_points: number;
  /** Numbers in one point of golden vectors. */
  vectors_elements: number;
  /** Largest request body. */
  body_bytes: number;
  /** Largest answer, as estimated from its arrays. */
  answer_bytes: number;
  /** Stored functions. */
  functions: number;
  /** Inputs that one stored function declares or binds. */
  function_inputs: number;
  /** Data bound to one stored function. */
  function_bytes: number;
  /** Data bound to all stored functions together. */
  store_bytes: number;
  /** Stored datasets. */
  datasets: number;
  /** Largest dataset, both as the file that is uploaded and as its arrays. */
  dataset_bytes: number;
  /** All stored datasets together. */
  dataset_store_bytes: number;
  /** Rows of one dataset. */
  dataset_rows: number;
  /** Columns of one dataset. */
  dataset_columns: number;
  /** Different texts in all columns of one dataset together. */
  dataset_labels: number;
  /** How long reading one uploaded file may take. */
  dataset_seconds: number;
  /** Datasets that are uploaded at the same time, per worker. */
  dataset_uploads: number;
  /** Stored models. */
  models: number;
  /** Numbers that the parameters of one model have together. */
  model_parameters: number;
  /** Versions of one model, beside the initial one. */
  model_versions: number;
  /** Parameters of all versions of all models together. */
  model_bytes: number;
  /** Largest request head: request line and headers. */
  header_bytes: number;
  /** Heavy questions that run at the same time, per worker. */
  threads: number;
  /** Heavy questions that may wait for a thread; one more is refused with 503. */
  queue: number;
  /** Jobs that run at the same time, per server process, each in a process of its own; 0: none here. */
  job_workers: number;
  /** Jobs that may wait; one more is refused with 503. */
  job_queue: number;
  /** Jobs that are kept; the oldest finished ones make room. */
  jobs: number;
  /** What all jobs may take together, with histories. */
  job_store_bytes: number;
  /** What one job may take when it is posted. */
  job_task_bytes: number;
  /** How long a finished job is kept. */
  job_keep_seconds: number;
  /** How long one job may run, all attempts together. */
  job_seconds: number;
  /** Steps of one job. */
  job_steps: number;
  /** Rows in the history of one job. */
  job_rows: number;
  /** Starts of one job. */
  job_starts: number;
  /** Numbers that one job moves, all starts together. */
  job_variables: number;
  /** Address space of a process that runs jobs, beyond what it begins with; 0: any. */
  job_bytes: number;
  /** Losses of its process without progress that end a job. */
  job_attempts: number;
}

/** A question whose answer has matrices. */
export interface MatrixQuestion {
  /** One expression; `^` and `**` are power. */
  expr?: string | null;
  /**
   * Statements that end with `return`, or functions (`def`), of which the last is asked about and has the inputs as its
   * parameters; with `return a, b` or `return {"name": a}` there are several results.
   */
  program?: string | null;
  /** The id or name of a stored function: `/functions`. */
  function?: string | null;
  /**
   * The id or name of a stored model: its loss where `at` has `y`, else its prediction, for examples along the first
   * axis of `x`. Its parameters are those of a version, unless `at` names them, and are what is differentiated unless
   * `wrt` is given.
   */
  model?: string | null;
  /** With `model`: the version of its parameters; the newest if absent. */
  version?: number | null;
  /** With `model`: as in training, with the statistics of the batch, and with what is drawn. */
  training?: boolean | null;
  /** With `training`: what is drawn depends on it; 0 if absent. */
  seed?: number | null;
  /** The inputs by name. */
  at?: { [name: string]: ArrayValue } | null;
  /** What to differentiate with respect to: a name or a list of names; every real input if absent. */
  wrt?: string | string[] | null;
  /** `true`, or the inputs whose first axis runs over points: one answer per point, stacked. */
  batch?: boolean | string[] | null;
  /** How arrays are written in the answer: `json`, nested lists, unless `base64` is asked for. */
  encoding?: "json" | "base64" | null;
  /**
   * `auto` if absent: float64, and where the answer is not finite, singular, on a kink, or estimated to have fewer than
   * 8 right digits, computed again in the precision that it needs and rounded once. `float64`: never. `exact`: always.
   */
  precision?: "auto" | "float64" | "exact" | null;
  /** `true` asks how many digits of every number are right. */
  digits?: boolean | null;
  /** `true` asks for the report of the witnesses too. */
  check?: boolean | null;
  /**
   * `dense` if absent. `coo`: of every matrix only the entries that can differ from 0, each with its row and column.
   */
  format?: "dense" | "coo" | null;
}

/** A method with its options; those left out have the defaults of torch.optim. */
export interface Method {
  /**
   * One of `sgd`, `momentum`, `nesterov`, `adagrad`, `rmsprop`, `adadelta`, `adam`, `adamw`, `nadam`, `amsgrad`,
   * `lion`.
   */
  name: string;
}

/** A stored model. */
export interface Model {
  /** Follows from the definition: the same definition has the same id, on every server. */
  id: string;
  name: string | null;
  /** ISO 8601, UTC. */
  created: string;
  input: ModelSignal;
  output: ModelSignal;
  target: ModelSignal;
  loss: { [name: string]: unknown };
  seed: number;
  count: ModelCount;
  /** How many versions of its parameters there are, the initial one included. */
  versions: number;
  links: ModelLinks;
  layers: ModelLayer[];
  parameters: ModelParameter[];
  memory: ModelMemory;
  cost: ModelCost;
  /** The program of its loss, which is what is differentiated. */
  program: string;
  /** The program of its prediction. */
  predict: string;
  /** In normal form. */
  definition: { [name: string]: unknown };
}

/** Seconds on one core, estimated for a batch of examples; good to a factor of two or three. */
export interface ModelCost {
  prediction_seconds: number;
  gradient_seconds: number;
  nanoseconds_per_example: ModelNanoseconds;
  batch: number;
}

/** How many numbers the parameters have. */
export interface ModelCount {
  trainable: number;
  fixed: number;
}

/** A model to store. What the fields may be is told in the page on models; all that is wrong is told at once. */
export interface ModelDefinition {
  /** The shape of one example, and its dtype: `real` or `int`. */
  input: { [name: string]: unknown };
  /** Objects with a `type` and the options of that; each takes the output of the one before. */
  layers?: { [name: string]: unknown }[] | null;
  /** In place of `layers`: with `name` and `inputs`, where they do not follow each other. */
  nodes?: { [name: string]: unknown }[] | null;
  /** The layer whose output is the prediction; the last if absent. */
  output?: string | null;
  /** A name, a name with options, or {"expr": …} of `y`, `prediction`. */
  loss: string | { [name: string]: unknown };
  /** The shape of `y`, and whether it is to be standardised. */
  target?: { [name: string]: unknown } | null;
  /** What the initial parameters depend on. */
  seed?: number | null;
  /** What to call it: letters, digits, `_`, `-` and `.`; no two models have the same name. */
  name?: string | null;
}

/** A layer where it stands. */
export interface ModelLayer {
  name: string;
  type: string;
  /** The layers that it takes, `x` for the input. */
  inputs: string[];
  /** That of its output for one example. */
  shape: number[];
  /** How many numbers its parameters have. */
  parameters: number;
}

/** Addresses that belong to a model. */
export interface ModelLinks {
  self: string;
  versions: string;
  parameters: string;
  predict: string;
  onnx: string;
}

/** Bytes, estimated for a batch of examples: of the parameters, and the most that is held while computing. */
export interface ModelMemory {
  parameters: number;
  prediction: number;
  gradient: number;
  batch: number;
}

/** Nanoseconds for one example, within a batch. */
export interface ModelNanoseconds {
  prediction: number;
  gradient: number;
}

/** A parameter, by the name that it has as an input of the program. */
export interface ModelParameter {
  name: string;
  layer: string;
  shape: number[];
  count: number;
  trainable: boolean;
  /** Statistics that the layer keeps, and no gradient changes. */
  state: boolean;
  /** What holds the values; the parameter is then the free numbers that they are made of. */
  constraint?: { [name: string]: unknown } | null;
  /** What the values under a constraint are called. */
  values?: string | null;
}

/** The parameters of a version. */
export interface ModelParameters {
  model: string;
  version: number;
  /** As the program takes them; free numbers under a constraint. */
  parameters: { [name: string]: ArrayValue };
  /** The values of those under a constraint. */
  values: { [name: string]: ArrayValue };
}

/** The type of one example, before which there is an axis over examples. */
export interface ModelSignal {
  shape: number[];
  dtype: "float64" | "int64" | "bool";
}

/** What a list tells of a stored model. */
export interface ModelSummary {
  /** Follows from the definition: the same definition has the same id, on every server. */
  id: string;
  name: string | null;
  /** ISO 8601, UTC. */
  created: string;
  input: ModelSignal;
  output: ModelSignal;
  target: ModelSignal;
  loss: { [name: string]: unknown };
  seed: number;
  count: ModelCount;
  /** How many versions of its parameters there are, the initial one included. */
  versions: number;
  links: ModelLinks;
}

/** Parameters of a model, by number: 0 are the initial ones. */
export interface ModelVersion {
  version: number;
  created: string;
  /** The job that found them. */
  job: string | null;
  /** What is known of them, such as the metrics of the training; alone, with its history by epochs. */
  summary: { [name: string]: unknown };
  links: ModelVersionLinks;
}

/** Addresses that belong to a version. */
export interface ModelVersionLinks {
  self: string;
  model: string;
  parameters: string;
  job?: string | null;
}

/** A page of versions, the oldest first. */
export interface ModelVersions {
  versions: ModelVersion[];
  /** What to send as `after` for the next page; null on the last one. */
  next: string | null;
}

/** Parameters from elsewhere: all of them, by name. Under a constraint, either the free numbers or the values. */
export interface ModelWeights {
  parameters: { [name: string]: ArrayValue };
}

/** A page of stored models, the oldest first. */
export interface Models {
  models: ModelSummary[];
  /** What to send as `after` for the next page; null on the last one. */
  next: string | null;
}

/** The type of an input, in a list. */
export interface NamedInput {
  /** float64 if absent; an input used as an index or a size is int64. */
  dtype?: "float64" | "int64" | "bool" | null;
  /** `[]`, one number, if absent. */
  shape?: number[] | null;
  name: string;
}

export type NonFinite = "NaN" | "Infinity" | "-Infinity";

/** A component at a kink: its derivatives from the left and from the right, null where there is no limit. */
export interface OneSided {
  input: string;
  index: number[];
  left: number | NonFinite | null;
  right: number | NonFinite | null;
}

/** An array as its bytes: little-endian, in C order, base64-encoded. */
export interface Packed {
  dtype: "float64" | "float32" | "int64" | "bool";
  shape: number[];
  base64: string;
}

/** What the verdict needs to know. It is sent back as it is; `digest` tells whether it was changed on the way. */
export interface Plan {
  version: 1;
  x: ArrayValue | { [name: string]: ArrayValue };
  precision?: "float64" | "float32" | null;
  directions?: "coordinates" | number | null;
  levels?: number | null;
  noise?: number | null;
  scale?: ArrayValue | { [name: string]: ArrayValue } | null;
  seed?: number | null;
  digest: string;
}

/** A plan and its points. `points[0]` is the point itself. */
export interface PlanAnswer {
  plan: Plan;
  /** Where to evaluate the function, each in the form of `x`. */
  points: (ArrayValue | { [name: string]: ArrayValue })[];
  /** How many: 1, 8 if the noise is to be measured, 2 per direction and step size. */
  count: number;
}

/** One number of the claim: a component, or the derivative along a random direction (`input` is `direction`). */
export interface PlanComponent {
  input: string;
  index: number[];
  claimed: number | NonFinite;
  /** What the differences give; `NaN` where there is no derivative. */
  expected: number | NonFinite;
  abs_error: number | NonFinite;
  rel_error: number | NonFinite;
  ulp_error: number | NonFinite;
  /** What `expected` may be off by; null where nothing is known. */
  error_bar: number | null;
  ok: boolean;
}

/** A mistake that explains the mismatch. */
export interface PlanHypothesis {
  kind: string;
  detail: string;
  residual: number | NonFinite;
  inputs: string[];
}

/** The noise of the function: its standard deviation, relative to the values, and the digits that this leaves. */
export interface PlanNoise {
  absolute: number;
  relative: number;
  digits: number;
  measured: boolean;
}

/** Where there is no derivative: its limits from the left and right, null where there are none either. */
export interface PlanOneSided {
  input: string;
  index: number[];
  left: number | null;
  right: number | null;
}

/** A point, and what is known of the function whose gradient is to be checked there. */
export interface PlanQuestion {
  /** The point: an array, or arrays by name. */
  x: ArrayValue | { [name: string]: ArrayValue };
  /**
   * `coordinates`, or how many random directions; without it coordinates for up to 50 components, else 20 random ones.
   */
  directions?: "coordinates" | number | null;
  /** What the function computes in; `float64` if absent. */
  precision?: "float64" | "float32" | null;
  /**
   * How far values may be off, relative to their size, if that is known: a solver's tolerance, or 1e-9 for a calculator
   * with 10 digits. Without it, 8 points are added to measure it.
   */
  noise?: number | null;
  /**
   * The typical size of each component, a number for all or an array like `x`. Without it, the power of ten below the
   * component; for a 0, that of the largest one and at most 1. Steps are a tenth of it and less.
   */
  scale?: ArrayValue | { [name: string]: ArrayValue } | null;
  /** Step sizes per direction; 6 if absent. */
  levels?: number | null;
  /** Everything random is drawn from it; 0 if absent. */
  seed?: number | null;
  /** How arrays are written in the answer. */
  encoding?: "json" | "base64" | null;
}

/** The relative tolerance, error bars included, and where it comes from. */
export interface PlanTolerance {
  relative: number;
  why: string;
}

/** The claimed value next to the one at the point. */
export interface PlanValue {
  claimed: number | NonFinite;
  expected: number | NonFinite;
  abs_error: number | NonFinite;
  rel_error: number | NonFinite;
  ulp_error: number | NonFinite;
  ok: boolean;
}

/** Whether the differences agree with the claim. */
export interface PlanWitness {
  status: "agree" | "disagree" | "skipped";
  max_ulp?: number | NonFinite | null;
  reason?: string | null;
}

/** Examples to predict. */
export interface PredictQuestion {
  /** Examples along the first axis; or one example without that axis. */
  x: ArrayValue;
  /** The newest if absent. */
  version?: number | null;
  encoding?: "json" | "base64" | null;
  /** At most so many examples at a time; otherwise as many as fit well into memory. */
  batch_size?: number | null;
  /** `true`: probabilities and classes too, for a loss of `cross_entropy` or `bce`. */
  probabilities?: boolean | null;
}

/** Predictions, arranged as the examples were. */
export interface Prediction {
  prediction: ArrayValue;
  /** Of the classes, or of the class 1 for `bce`. */
  probabilities?: ArrayValue | null;
  /** The class with the largest probability. */
  class?: ArrayValue | null;
  version: number;
  model: string;
  warnings: Warning[];
}

/** One function of the language. */
export interface Primitive {
  name: string;
  /** Other names of the same function. */
  aliases: string[];
  signature: string;
  summary: string;
  group: string;
  /** Where it is defined. */
  domain: string;
  /** What its derivative is where it has none: the convention. Empty without a kink. */
  kink: string;
  differentiable: boolean;
  note: string;
  examples: Example[];
}

/** All functions and constants of the language. */
export interface Primitives {
  primitives: Primitive[];
  constants: { [name: string]: number | string };
}

/** A refusal: what is wrong, where, and what may help. */
export interface Problem {
  /** The stable name of this kind of error; also the address of its page. */
  type: string;
  title: string;
  status: number;
  detail: string;
  /** All faults at once. */
  errors?: Fault[] | null;
  /** Where in the source text, or in a body that is not JSON. */
  span?: Span | null;
  /** The line of the span, and carets below it. */
  excerpt?: string | null;
  /** A near name, or a form that works. */
  hint?: string | null;
  limit?: Limit | null;
  /** With `internal`: what to look for in the log of the server. */
  request_id?: string | null;
}

/** A refusal: what is wrong, where, and what may help. */
export interface ProblemModel {
  /** The stable name of this kind of error; also the address of its page. */
  type: string;
  title: string;
  status: number;
  detail: string;
  /** All faults at once. */
  errors?: Fault[] | null;
  /** Where in the source text, or in a body that is not JSON. */
  span?: Span | null;
  /** The line of the span, and carets below it. */
  excerpt?: string | null;
  /** A near name, or a form that works. */
  hint?: string | null;
  limit?: Limit | null;
  /** With `internal`: what to look for in the log of the server. */
  request_id?: string | null;
}

/**
 * A function, the point at which it is asked about, and with respect to what.
 *
 * Exactly one of `expr`, `program`, `function` and `model` says what the function is.  A field that is null counts as
 * not given.
 */
export interface Question {
  /** One expression; `^` and `**` are power. */
  expr?: string | null;
  /**
   * Statements that end with `return`, or functions (`def`), of which the last is asked about and has the inputs as its
   * parameters; with `return a, b` or `return {"name": a}` there are several results.
   */
  program?: string | null;
  /** The id or name of a stored function: `/functions`. */
  function?: string | null;
  /**
   * The id or name of a stored model: its loss where `at` has `y`, else its prediction, for examples along the first
   * axis of `x`. Its parameters are those of a version, unless `at` names them, and are what is differentiated unless
   * `wrt` is given.
   */
  model?: string | null;
  /** With `model`: the version of its parameters; the newest if absent. */
  version?: number | null;
  /** With `model`: as in training, with the statistics of the batch, and with what is drawn. */
  training?: boolean | null;
  /** With `training`: what is drawn depends on it; 0 if absent. */
  seed?: number | null;
  /** The inputs by name. */
  at?: { [name: string]: ArrayValue } | null;
  /** What to differentiate with respect to: a name or a list of names; every real input if absent. */
  wrt?: string | string[] | null;
  /** `true`, or the inputs whose first axis runs over points: one answer per point, stacked. */
  batch?: boolean | string[] | null;
  /** How arrays are written in the answer: `json`, nested lists, unless `base64` is asked for. */
  encoding?: "json" | "base64" | null;
  /**
   * `auto` if absent: float64, and where the answer is not finite, singular, on a kink, or estimated to have fewer than
   * 8 right digits, computed again in the precision that it needs and rounded once. `float64`: never. `exact`: always.
   */
  precision?: "auto" | "float64" | "exact" | null;
  /** `true` asks how many digits of every number are right. */
  digits?: boolean | null;
  /** `true` asks for the report of the witnesses too. */
  check?: boolean | null;
}

/** Where every element of an input may lie. */
export interface Range {
  low: number;
  high: number;
  /** A number if absent. */
  shape?: number[];
  /** Whole numbers only. */
  integer?: boolean;
}

/** The verdict, and everything that it rests on. */
export interface Report {
  verdict: "correct" | "incorrect" | "not-differentiable" | "inconclusive";
  message: string;
  /** All, or the worst 100. */
  components: Component[];
  /** How many components there are in all. */
  count: number;
  /** How many of them are not ok. */
  wrong: number;
  witnesses: { [name in "engine" | "symbolic" | "precise"]?: Witness };
  tolerance: Tolerance;
  /** Relative change of the gradient per relative change of the inputs. */
  condition: number | NonFinite | null;
  /** The mistakes that explain a mismatch, best first. */
  diagnosis: Hypothesis[];
  value: CheckedValue | null;
  one_sided: OneSided[];
  /** All, or the worst 100; there if adjoints were claimed. */
  adjoints?: Adjoint[] | null;
  /** Null where all claimed adjoints are right. */
  first_wrong?: FirstWrong | null;
}

/** A schedule with its options. */
export interface Schedule {
  /** One of `constant`, `step`, `exponential`, `cosine`, `warmup`, `one-cycle`. */
  name: string;
}

/** A dataset without its columns. */
export interface ShortDataset {
  /** Follows from the columns: the same ones have the same id, whatever file they came in. */
  id: string;
  name: string | null;
  /** What its arrays take. */
  bytes: number;
  /** null where arrays have different numbers of them. */
  rows: number | null;
  /** ISO 8601, UTC. */
  created: string;
  links: DatasetLinks;
}

/** A stretch of the source text: lines and columns count from 1, the end is exclusive. */
export interface Span {
  line: number;
  column: number;
  end_line: number;
  end_column: number;
}

export type Starts = { [name: string]: ArrayValue }[] | DrawnStarts;

/** The report. */
export interface StepsAnswer {
  verdict: "correct" | "incorrect" | "inconclusive";
  message: string;
  steps: number;
  /** How many steps are wrong, each taken from the claimed parameters before it. */
  wrong: number;
  first_wrong: StepsNumber | null;
  /** The first 100 steps. */
  differences: StepsDifference[];
  worst: StepsDifference | null;
  /** The mistakes that explain the iterates, best first. */
  diagnosis: StepsExplanation[];
  /** The method with all of its options. */
  method: { [name: string]: string | number | boolean };
}

/** The largest difference in a step. */
export interface StepsDifference {
  step: number;
  /** Relative to the parameter. */
  relative: number | NonFinite;
  /** Relative to the step. */
  of_step: number | NonFinite;
  ok: boolean;
}

/** A mistake, and what of the difference it leaves. */
export interface StepsExplanation {
  kind: string;
  detail: string;
  residual: number;
  /** Whether it explains all steps up to 100 after the first wrong one. */
  explains: boolean;
}

/** One parameter after one step, counted from 1. */
export interface StepsNumber {
  step: number;
  input: string;
  index: number[];
  claimed: number | NonFinite;
  expected: number | NonFinite;
  /** The difference, relative to the parameter. */
  relative: number | NonFinite;
}

/** A method, the parameters before the first step and after each, and the gradients or the objective. */
export interface StepsQuestion {
  /** A name, or a name with options. */
  method: string | Method;
  /** The parameters before the first step: an array, or arrays by name. */
  start: ArrayValue | { [name: string]: ArrayValue };
  /** The parameters after each step: a list in the form of `start`, or arrays with one more axis. */
  iterates: (ArrayValue | { [name: string]: ArrayValue })[] | { [name: string]: ArrayValue } | ArrayValue;
  /** The gradients at the parameters before each step, in the form of `iterates`. */
  gradients?: (ArrayValue | { [name: string]: ArrayValue })[] | { [name: string]: ArrayValue } | ArrayValue | null;
  /** The objective, in place of gradients: an expression. */
  expr?: string | null;
  /** The objective as a program. */
  program?: string | null;
  /** The objective as a stored function. */
  function?: string | null;
  /** The inputs of the objective that are not parameters. */
  at?: { [name: string]: ArrayValue } | null;
  /** How the learning rate changes: a schedule, or the rates, one for each step. */
  schedule?: string | Schedule | number[] | null;
  /** How gradients are clipped before the method gets them. */
  clip?: Clip | null;
  /** The difference, relative to the parameters, that is allowed beside rounding. */
  tolerance?: number | null;
}

/** The relative tolerance where nothing cancels, and how it came about. */
export interface Tolerance {
  relative: number;
  why: string;
}

/** The error that is allowed: relative to a component, or absolute, whichever is larger. */
export interface ToleranceAsked {
  relative?: number;
  absolute?: number;
}

/** The absolute errors that an honest computation in float64 may have. */
export interface ToleranceOfVector {
  value: ArrayValue;
  grad: { [name: string]: ArrayValue };
}

/** Examples from the columns of a dataset. */
export interface TrainingColumns {
  /** The id or name of a dataset. */
  dataset: string;
  /** A column, or several side by side; if absent `x`, or all columns of numbers but the others. */
  x?: string | string[] | null;
  /** A column, or several; `y` if absent. */
  y?: string | string[] | null;
  /** A column. */
  weight?: string | null;
}

export type TrainingData = TrainingExamples | TrainingColumns;

/** The training ends when so many epochs have not improved the monitored value. */
export interface TrainingEarlyStopping {
  /** 10 if absent. */
  patience?: number | null;
  /** What counts as improvement; any, if absent. */
  min_change?: number | null;
}

/** Examples as they are, with the axis over them first. */
export interface TrainingExamples {
  /** What the model takes. */
  x: ArrayValue;
  /** What it should have predicted. */
  y: ArrayValue;
  /** What each example counts; 1 if absent. */
  weight?: ArrayValue | null;
}

/** A metric with options. */
export interface TrainingMetric {
  /** One of `accuracy`, `top_k`, `r2`, `mae`, `mse`, `auc`, `confusion`. */
  name: string;
  /** For `top_k`; 5 if absent. */
  k?: number | null;
}

/** Something that was noticed of the gradients, once for each kind, layer and run. */
export interface TrainingRemark {
  step: number;
  epoch: number;
  /** Of several runs, which. */
  start: number;
  kind: "vanishing" | "exploding" | "dead" | "large-step";
  layer: string;
  detail: string;
}

/** What was measured at the end of an epoch: `epoch_value`, `validation_value`, and metrics by name. */
export interface TrainingScores {
}

export type TrainingSeeds = number | number[];

export type TrainingValidation = number | TrainingExamples | TrainingColumns;

/** A point, an output with its sensitivity, and two inputs, the second with a direction. */
export interface UmbridgeApplyHessian {
  name: string;
  config?: { [name: string]: unknown };
  input: ((number | NonFinite)[])[];
  outWrt: number;
  inWrt1: number;
  inWrt2: number;
  sens: (number | NonFinite)[];
  vec: (number | NonFinite)[];
}

/** A point, an output, and an input with a direction. */
export interface UmbridgeApplyJacobian {
  name: string;
  config?: { [name: string]: unknown };
  input: ((number | NonFinite)[])[];
  outWrt: number;
  inWrt: number;
  vec: (number | NonFinite)[];
}

/** A model by its name; its options are not looked at, as there are none. */
export interface UmbridgeConfigured {
  name: string;
  config?: { [name: string]: unknown };
}

/** A point: one vector for each input. */
export interface UmbridgeEvaluate {
  name: string;
  config?: { [name: string]: unknown };
  input: ((number | NonFinite)[])[];
}

/** What is wrong: `ModelNotFound`, `UnsupportedFeature`, `InvalidInput`, `InvalidOutput` or `Unavailable`. */
export interface UmbridgeFault {
  type: string;
  message: string;
}

/** A point, an output with its sensitivity, and an input. */
export interface UmbridgeGradient {
  name: string;
  config?: { [name: string]: unknown };
  input: ((number | NonFinite)[])[];
  outWrt: number;
  inWrt: number;
  sens: (number | NonFinite)[];
}

/** The version of the protocol, and the names of all models. */
export interface UmbridgeInfo {
  protocolVersion: number;
  models: string[];
}

/** The sizes of the input vectors. */
export interface UmbridgeInputSizes {
  inputSizes: number[];
}

/** A model by its name. */
export interface UmbridgeModel {
  name: string;
}

/** What a model can do. */
export interface UmbridgeModelInfo {
  support: UmbridgeSupport;
}

/** One vector. */
export interface UmbridgeOutput {
  output: number[];
}

/** The sizes of the output vectors. */
export interface UmbridgeOutputSizes {
  outputSizes: number[];
}

/** One vector for each output. */
export interface UmbridgeOutputs {
  output: number[][];
}

/** A refusal. */
export interface UmbridgeRefusal {
  error: UmbridgeFault;
}

/** What a model can do. */
export interface UmbridgeSupport {
  Evaluate: boolean;
  Gradient: boolean;
  ApplyJacobian: boolean;
  ApplyHessian: boolean;
}

/** The value of a function at a point. */
export interface ValueAnswer {
  /** With `check`: the report, as `/check` answers it. */
  check?: Report | null;
  /** The value; of several results a list with one entry for each, of results with names an object by name. */
  value: ArrayValue | { [name: string]: ArrayValue };
  /** With `digits`: the estimated right decimal digits, arranged as the answer is. */
  digits?: ValueDigits | null;
  warnings: Warning[];
}

/** The right digits of an answer of `/value`. */
export interface ValueDigits {
  value: DigitsValue | { [name: string]: DigitsValue };
}

/** One point and its answers. */
export interface Vector {
  /** Why it is there: `random`, `zero`, `kink`, `near a pole` and so on. */
  kind: string;
  at: { [name: string]: ArrayValue };
  value: ArrayValue;
  grad: { [name: string]: ArrayValue };
  /** False where the gradient is a convention or not finite. */
  differentiable: boolean;
  tolerance: ToleranceOfVector;
}

/** The vectors; those at which the function has no finite value are left out. */
export interface VectorsAnswer {
  /** The text, where it is an expression. */
  expr?: string | null;
  /** The text, where it is a program. */
  program?: string | null;
  seed: number;
  count: number;
  vectors: Vector[];
}

/** A function, a domain, and how many random points there are to be; treacherous ones are added. */
export interface VectorsQuestion {
  expr?: string | null;
  /**
   * Statements that end with `return`, or functions (`def`), of which the last is asked about and has the inputs as its
   * parameters; with `return a, b` or `return {"name": a}` there are several results.
   */
  program?: string | null;
  /** The id or name of a stored function. */
  function?: string | null;
  /** The id or name of a stored model; its loss if the domain has `y`. */
  model?: string | null;
  /** By input: `[low, high]`, or an object that has a shape too. */
  domain: { [name: string]: [number, number] | Range };
  count?: number;
  seed?: number;
  wrt?: string | string[] | null;
  encoding?: "json" | "base64" | null;
  /** Without it the header `Accept` decides: `text/csv`, `application/x-npz`, else JSON. */
  format?: "json" | "csv" | "npz" | null;
}

/** The report. */
export interface VerdictAnswer {
  verdict: "correct" | "incorrect" | "not-differentiable" | "inconclusive";
  message: string;
  /** All, or the worst 100. */
  components: PlanComponent[];
  /** How many there are in all. */
  count: number;
  /** How many of them are not ok. */
  wrong: number;
  witnesses: { [name in "differences"]?: PlanWitness };
  tolerance: PlanTolerance;
  /** Null: it does not follow from values. */
  condition: number | null;
  /** The mistakes that explain a mismatch, best first. */
  diagnosis: PlanHypothesis[];
  value: PlanValue | null;
  one_sided: PlanOneSided[];
  noise: PlanNoise;
}

/** A plan, the values at its points, and the gradient that is to be judged. */
export interface VerdictQuestion {
  plan: Plan;
  /** The values at the points, in their order; `"NaN"` where the function has none. */
  values: ArrayValue;
  claimed: Claimed;
  /**
   * The relative error that is allowed, and that has to be visible for a verdict. Without it half of the digits of the
   * precision are allowed, and 1e-3 has to be visible.
   */
  tolerance?: number | null;
}

/** What is running. */
export interface Version {
  /** The number of the HTTP contract. */
  api: number;
  /** The version of the package. */
  adjoint: string;
  /** The version of the engine. */
  engine: string;
}

/** The value of a function at a point and the cotangents of its inputs. */
export interface VjpAnswer {
  /** With `check`: the report, as `/check` answers it. */
  check?: Report | null;
  /** The value; of several results a list with one entry for each, of results with names an object by name. */
  value: ArrayValue | { [name: string]: ArrayValue };
  vjp: { [name: string]: ArrayValue };
  /** With `digits`: the estimated right decimal digits, arranged as the answer is. */
  digits?: VjpDigits | null;
  warnings: Warning[];
}

/** The right digits of an answer of `/vjp`. */
export interface VjpDigits {
  value: DigitsValue | { [name: string]: DigitsValue };
  vjp: { [name: string]: DigitsValue };
}

/** A question with a cotangent, or several: arrays of the shape of the result, one for each of several results. */
export interface VjpQuestion {
  /** One expression; `^` and `**` are power. */
  expr?: string | null;
  /**
   * Statements that end with `return`, or functions (`def`), of which the last is asked about and has the inputs as its
   * parameters; with `return a, b` or `return {"name": a}` there are several results.
   */
  program?: string | null;
  /** The id or name of a stored function: `/functions`. */
  function?: string | null;
  /**
   * The id or name of a stored model: its loss where `at` has `y`, else its prediction, for examples along the first
   * axis of `x`. Its parameters are those of a version, unless `at` names them, and are what is differentiated unless
   * `wrt` is given.
   */
  model?: string | null;
  /** With `model`: the version of its parameters; the newest if absent. */
  version?: number | null;
  /** With `model`: as in training, with the statistics of the batch, and with what is drawn. */
  training?: boolean | null;
  /** With `training`: what is drawn depends on it; 0 if absent. */
  seed?: number | null;
  /** The inputs by name. */
  at?: { [name: string]: ArrayValue } | null;
  /** What to differentiate with respect to: a name or a list of names; every real input if absent. */
  wrt?: string | string[] | null;
  /** `true`, or the inputs whose first axis runs over points: one answer per point, stacked. */
  batch?: boolean | string[] | null;
  /** How arrays are written in the answer: `json`, nested lists, unless `base64` is asked for. */
  encoding?: "json" | "base64" | null;
  /**
   * `auto` if absent: float64, and where the answer is not finite, singular, on a kink, or estimated to have fewer than
   * 8 right digits, computed again in the precision that it needs and rounded once. `float64`: never. `exact`: always.
   */
  precision?: "auto" | "float64" | "exact" | null;
  /** `true` asks how many digits of every number are right. */
  digits?: boolean | null;
  /** `true` asks for the report of the witnesses too. */
  check?: boolean | null;
  /**
   * For several results, a list with one array for each; for results with names, an object by name too, in which those
   * left out count as 0.
   */
  cotangent?: ArrayValue | { [name: string]: ArrayValue } | null;
  /** Several at once, instead of `cotangent`. */
  cotangents?: (ArrayValue | { [name: string]: ArrayValue })[] | null;
}

/** Something to know about an answer. Further fields depend on the code. */
export interface Warning {
  code: "kink" | "singular" | "non-finite" | "ill-conditioned" | "escalated" | "disconnected" | "rewritten" | "integer-gradient";
  message: string;
  span?: Span | null;
  [field: string]: unknown;
}

/** Whether a witness agrees with the expected numbers. */
export interface Witness {
  status: "agree" | "disagree" | "skipped";
  /** The largest distance, in float64 numbers that lie between. */
  max_ulp: number | NonFinite | null;
  /** Why it says nothing, or not about all. */
  reason: string | null;
}

/** By address and method: what is sent, what is answered, and what is answered instead. */
export interface Paths {
  "/ApplyHessian": {
    /** UM-Bridge: ApplyHessian */
    POST: { request: UmbridgeApplyHessian; answer: UmbridgeOutput; refusal: UmbridgeRefusal | Problem };
  };
  "/ApplyJacobian": {
    /** UM-Bridge: ApplyJacobian */
    POST: { request: UmbridgeApplyJacobian; answer: UmbridgeOutput; refusal: UmbridgeRefusal | Problem };
  };
  "/Evaluate": {
    /** UM-Bridge: Evaluate */
    POST: { request: UmbridgeEvaluate; answer: UmbridgeOutputs; refusal: UmbridgeRefusal | Problem };
  };
  "/Gradient": {
    /** UM-Bridge: Gradient */
    POST: { request: UmbridgeGradient; answer: UmbridgeOutput; refusal: UmbridgeRefusal | Problem };
  };
  "/Info": {
    /** UM-Bridge: Info */
    GET: { answer: UmbridgeInfo; refusal: Problem };
  };
  "/InputSizes": {
    /** UM-Bridge: InputSizes */
    POST: { request: UmbridgeConfigured; answer: UmbridgeInputSizes; refusal: UmbridgeRefusal | Problem };
  };
  "/ModelInfo": {
    /** UM-Bridge: ModelInfo */
    POST: { request: UmbridgeModel; answer: UmbridgeModelInfo; refusal: UmbridgeRefusal | Problem };
  };
  "/OutputSizes": {
    /** UM-Bridge: OutputSizes */
    POST: { request: UmbridgeConfigured; answer: UmbridgeOutputSizes; refusal: UmbridgeRefusal | Problem };
  };
  "/check": {
    /** Check a gradient */
    POST: { request: CheckQuestion; answer: Report; refusal: Problem };
  };
  "/check/plan": {
    /** Points at which to evaluate one's own function */
    POST: { request: PlanQuestion; answer: PlanAnswer; refusal: Problem };
  };
  "/check/steps": {
    /** Check the steps of an optimiser */
    POST: { request: StepsQuestion; answer: StepsAnswer; refusal: Problem };
  };
  "/check/verdict": {
    /** Judge a gradient from values of one's own function */
    POST: { request: VerdictQuestion; answer: VerdictAnswer; refusal: Problem };
  };
  "/datasets": {
    /** Upload a dataset */
    POST: { query: { name?: string | null; columns?: string; header?: "auto" | "true" | "false"; delimiter?: "auto" | "comma" | "semicolon" | "tab" }; request: string | { [name: string]: ArrayValue | string[] }; answer: Dataset; refusal: Problem };
    /** Page */
    GET: { query: { after?: string; limit?: number; name?: string }; answer: Datasets; refusal: Problem };
  };
  "/datasets/{reference}": {
    /** Dataset */
    GET: { answer: Dataset; refusal: Problem };
    /** Delete */
    DELETE: { answer: undefined; refusal: Problem };
  };
  "/datasets/{reference}/data": {
    /** Data */
    GET: { query: { columns?: string; offset?: number; limit?: number; encoding?: "json" | "base64" }; answer: DatasetRows; refusal: Problem };
  };
  "/functions": {
    /** Store a function */
    POST: { request: FunctionDefinition; answer: Function; refusal: Problem };
    /** Functions */
    GET: { query: { after?: string; limit?: number; name?: string }; answer: Functions; refusal: Problem };
  };
  "/functions/{reference}": {
    /** Function */
    GET: { query: { data?: boolean }; answer: Function; refusal: Problem };
    /** Delete */
    DELETE: { answer: undefined; refusal: Problem };
  };
  "/grad": {
    /** Evaluate and differentiate */
    POST: { request: Question; answer: GradAnswer; refusal: Problem };
  };
  "/healthz": {
    /** Healthz */
    GET: { answer: Health; refusal: Problem };
  };
  "/hessian": {
    /** The whole second derivative */
    POST: { request: MatrixQuestion; answer: HessianAnswer; refusal: Problem };
  };
  "/hvp": {
    /** Hessian times vector */
    POST: { request: HvpQuestion; answer: HvpAnswer; refusal: Problem };
  };
  "/jacobian": {
    /** The whole first derivative */
    POST: { request: MatrixQuestion; answer: JacobianAnswer; refusal: Problem };
  };
  "/jobs": {
    /** Minimise an objective */
    POST: { request: JobRequest; answer: Job; refusal: Problem };
    /** Listed */
    GET: { query: { state?: "queued" | "running" | "succeeded" | "failed" | "cancelled" | null; after?: string; limit?: number }; answer: Jobs; refusal: Problem };
  };
  "/jobs/{id}": {
    /** Job */
    GET: { query: { encoding?: string }; answer: Job; refusal: Problem };
    /** Delete */
    DELETE: { answer: undefined; refusal: Problem };
  };
  "/jobs/{id}/cancel": {
    /** Cancel */
    POST: { answer: Job; refusal: Problem };
  };
  "/jobs/{id}/events": {
    /** Events */
    GET: { query: { after?: number }; answer: string; refusal: Problem };
  };
  "/jobs/{id}/history": {
    /** History */
    GET: { query: { after?: number; limit?: number }; answer: JobHistory | string; refusal: Problem };
  };
  "/jvp": {
    /** Jacobian times tangent */
    POST: { request: JvpQuestion; answer: JvpAnswer; refusal: Problem };
  };
  "/limits": {
    /** Limits */
    GET: { answer: Limits; refusal: Problem };
  };
  "/metrics": {
    /** Metrics */
    GET: { answer: string; refusal: Problem };
  };
  "/models": {
    /** Store a model */
    POST: { query: { loss?: string | null; name?: string | null }; request: ModelDefinition | string; answer: Model; refusal: Problem };
    /** Models */
    GET: { query: { after?: string; limit?: number; name?: string }; answer: Models; refusal: Problem };
  };
  "/models/{reference}": {
    /** Model */
    GET: { answer: Model; refusal: Problem };
    /** Delete */
    DELETE: { answer: undefined; refusal: Problem };
  };
  "/models/{reference}/onnx": {
    /** As Onnx */
    GET: { query: { version?: number | null; dtype?: "float32" | "float64" }; answer: string; refusal: Problem };
  };
  "/models/{reference}/parameters": {
    /** Parameters */
    GET: { query: { version?: number | null; format?: "json" | "npz" | "safetensors" | null; encoding?: "json" | "base64" }; answer: ModelParameters | string; refusal: Problem };
  };
  "/models/{reference}/predict": {
    /** Predict */
    POST: { request: PredictQuestion; answer: Prediction; refusal: Problem };
  };
  "/models/{reference}/versions": {
    /** Bring parameters */
    POST: { request: ModelWeights | string; answer: ModelVersion; refusal: Problem };
    /** Versions */
    GET: { query: { after?: string; limit?: number }; answer: ModelVersions; refusal: Problem };
  };
  "/models/{reference}/versions/{version}": {
    /** Version */
    GET: { answer: ModelVersion; refusal: Problem };
  };
  "/primitives": {
    /** Primitives */
    GET: { answer: Primitives; refusal: Problem };
  };
  "/primitives/{name}": {
    /** Primitive */
    GET: { answer: Primitive; refusal: Problem };
  };
  "/readyz": {
    /** Readyz */
    GET: { answer: Health; refusal: Problem };
  };
  "/value": {
    /** Evaluate */
    POST: { request: Question; answer: ValueAnswer; refusal: Problem };
  };
  "/vectors": {
    /** Golden vectors for a test suite */
    POST: { request: VectorsQuestion; answer: VectorsAnswer | string; refusal: Problem };
  };
  "/version": {
    /** Version */
    GET: { answer: Version; refusal: Problem };
  };
  "/vjp": {
    /** Cotangent times Jacobian */
    POST: { request: VjpQuestion; answer: VjpAnswer; refusal: Problem };
  };
}
