
#include <eml_net.h>
static const float mynet_layer_0_biases[16] = { -0.180284f, 0.493302f, 0.160767f, -0.193138f, 0.184051f, -0.264469f, -0.546164f, -0.173546f, 0.234474f, -0.050248f, 0.508503f, -0.380964f, 0.216807f, -0.525756f, -0.275082f, -0.380383f };
static const float mynet_layer_0_weights[64] = { -0.055294f, 0.537031f, -0.542043f, -0.247431f, 0.491619f, -0.487866f, 0.446846f, 0.134810f, -0.056740f, 0.441900f, -0.120697f, 0.542024f, -0.207755f, -0.257013f, -0.321235f, 0.192584f, 0.172894f, 0.043240f, -0.497600f, -0.420925f, -0.467023f, -0.324136f, 0.266594f, -0.024885f, -0.052984f, 0.037179f, -0.081557f, 0.139502f, -0.380206f, 0.399179f, -0.165318f, -0.284500f, -0.323271f, -0.144183f, 0.095889f, 0.075739f, 0.220893f, 0.187161f, 0.099990f, 0.278646f, -0.230694f, -0.293884f, -0.105530f, -0.415708f, -0.309956f, -0.218146f, 0.349243f, -0.155489f, -0.158741f, -0.548703f, 0.382902f, 0.093705f, 0.500931f, 0.497464f, 0.393652f, 0.126341f, -0.244227f, 0.503933f, -0.093704f, 0.135190f, 0.316536f, -0.341591f, 0.095220f, -0.484211f };
static const float mynet_layer_1_biases[3] = { -0.315946f, 0.085466f, 0.335410f };
static const float mynet_layer_1_weights[48] = { -0.051226f, -0.161514f, -0.192718f, -0.018457f, -0.054083f, 0.004978f, -0.379119f, -0.465464f, 0.497795f, -0.082371f, 0.100273f, 0.060760f, 0.215611f, 0.159579f, -0.214298f, 0.481511f, -0.170540f, 0.004883f, -0.431155f, -0.271012f, 0.358646f, 0.051180f, -0.081364f, -0.561174f, 0.455875f, 0.160890f, -0.137312f, 0.552690f, -0.487817f, 0.314220f, -0.412776f, 0.533846f, 0.403379f, 0.485376f, 0.329577f, -0.182919f, 0.188008f, -0.328388f, 0.552807f, -0.327847f, -0.319737f, 0.224702f, 0.068679f, -0.316580f, -0.075684f, 0.136199f, -0.522260f, 0.453339f };
static float mynet_buf1[16];
static float mynet_buf2[16];
static const EmlNetLayer mynet_layers[2] = { 
{ 16, 4, mynet_layer_0_weights, mynet_layer_0_biases, EmlNetActivationRelu }, 
{ 3, 16, mynet_layer_1_weights, mynet_layer_1_biases, EmlNetActivationSoftmax } };
static EmlNet mynet = { 2, mynet_layers, mynet_buf1, mynet_buf2, 16 };

    int32_t
    mynet_predict(const float *features, int32_t n_features)
    {
        return eml_net_predict(&mynet, features, n_features);
    }
    

    int32_t
    mynet_regress(const float *features, int32_t n_features, float *out, int32_t out_length)
    {
        return eml_net_regress(&mynet, features, n_features, out, out_length);
    }
    

    float
    mynet_regress1(const float *features, int32_t n_features)
    {
        return eml_net_regress1(&mynet, features, n_features);
    }
    