// The United Nations' Sustainable Development Goals; colours (in style.css) are the official ones.

export const GOALS: readonly string[] = [
  "No Poverty",
  "Zero Hunger",
  "Good Health and Well-being",
  "Quality Education",
  "Gender Equality",
  "Clean Water and Sanitation",
  "Affordable and Clean Energy",
  "Decent Work and Economic Growth",
  "Industry, Innovation and Infrastructure",
  "Reduced Inequalities",
  "Sustainable Cities and Communities",
  "Responsible Consumption and Production",
  "Climate Action",
  "Life Below Water",
  "Life on Land",
  "Peace, Justice and Strong Institutions",
  "Partnerships for the Goals",
];

/** The goals in a set of bits: bit k - 1 is goal k. */
export function goalsOf(bits: bigint): number[] {
  return GOALS.map((_, at) => at + 1).filter((goal) => ((bits >> BigInt(goal - 1)) & 1n) === 1n);
}
