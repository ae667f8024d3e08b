"""What of the command ``mxperf`` looks at no model: kept reports, and the past of a baseline."""
