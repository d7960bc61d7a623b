"""Bad calls, generated: each argument of each public function goes wrong in each way that its sort can."""
