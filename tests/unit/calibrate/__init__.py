"""What calibration proposes, against what the product makes of it and against made-up truths."""
