// downstream MODEL PICTURE: draws ten digits.
import Sfumato

Torch.waitPassively()  // first of all: leaves the cores to others while libtorch waits

guard CommandLine.arguments.count == 3 else { fatalError("usage: downstream MODEL PICTURE") }
let (model, picture) = (CommandLine.arguments[1], CommandLine.arguments[2])
var request = SamplingRequest(model: model)
request.count = 10
(request.steps, request.guidanceScale) = (5, 3)
let job = try SamplingJob(request)
while let share = try job.next() { print("\(Int(share * 100)) %") }
let classes = job.plan.labels.compactMap { $0 }.map { job.plan.model.recipe.data.classNames[$0] }
try Image.grid(job.images, columns: 10, scale: 2).write(to: picture)
print("\(picture): \(classes.joined(separator: " "))")
